"""Settings, read from environment variables with the prefix CGT_. Nothing is read at import."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.vocabulary import closest


def _whole(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{1,9}", value):
        raise ValueError("is no whole number in plain digits")
    return value


def _address(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise ValueError("is no address such as https://atlas.example")
    return value.rstrip("/")


Whole = Annotated[int, BeforeValidator(_whole)]

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What an operator can set; every field is the variable CGT_<FIELD>."""

    model_config = SettingsConfigDict(env_prefix="CGT_", env_ignore_empty=True, use_attribute_docstrings=True)

    database_url: str = "sqlite:///cgt.db"
    """Where the data lies: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE."""
    read_url: str | None = None
    """Where `cgt serve` reads instead, such as replicas: postgresql://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE with libpq's options."""
    host: str = "127.0.0.1"
    """Address that `cgt serve` listens on."""
    port: Whole = Field(default=8000, ge=1, le=65535)
    """Port that `cgt serve` listens on."""
    workers: Whole = Field(default=1, ge=1, le=64)
    """Processes that `cgt serve` starts."""
    seeds: Path = ROOT / "seeds"
    """Folder of the curated files, when `cgt seed` and `cgt verify` name none."""
    documents: Path | None = None
    """Folder of the source documents, for the checks that need them."""
    contact: str | None = None
    """Where readers of this installation report an error (an address or a URL); shown in `/` and the docs."""
    mcp_origins: str | None = None
    """Comma list of the origins (https://agent.example) whose web pages may use `/mcp`, besides pages of the same machine."""
    base_url: Annotated[str, AfterValidator(_address)] = "http://127.0.0.1:8000"
    """Where readers reach this installation: with it the links in what `cgt export` writes begin."""
    log_level: Literal["critical", "error", "warning", "info", "debug"] = "info"
    """How much `cgt serve` logs."""


def unknown_variables() -> list[str]:
    """A line for every CGT_ variable that no setting reads: most likely a slip of the pen."""
    known = [f"CGT_{name.upper()}" for name in Settings.model_fields]
    lines = []
    for name in sorted(os.environ):
        if name.startswith("CGT_") and name not in known:
            close = closest(name, known)
            lines.append(f"{name} is set, but there is no such setting" + (f"; did you mean {close}?" if close else ""))
    return lines
