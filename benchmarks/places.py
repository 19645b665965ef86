"""Made-up regions under real countries and first-level divisions: as many as asked for, the hierarchy as deep as in life."""

import random
from typing import Any

import pycountry

from benchmarks.words import RARE, RARE_ZH

_COUNTRIES = {
    "cn": ("China", "中国"),
    "us": ("United States", "美国"),
    "jp": ("Japan", "日本"),
    "kr": ("South Korea", "韩国"),
    "de": ("Germany", "德国"),
    "gb": ("United Kingdom", "英国"),
    "fr": ("France", "法国"),
    "ch": ("Switzerland", "瑞士"),
    "sg": ("Singapore", "新加坡"),
    "au": ("Australia", "澳大利亚"),
    "ca": ("Canada", "加拿大"),
    "nl": ("Netherlands", "荷兰"),
    "se": ("Sweden", "瑞典"),
    "be": ("Belgium", "比利时"),
    "il": ("Israel", "以色列"),
    "es": ("Spain", "西班牙"),
    "it": ("Italy", "意大利"),
    "in": ("India", "印度"),
    "dk": ("Denmark", "丹麦"),
    "br": ("Brazil", "巴西"),
}
_PROVINCES = {
    "cn": "bj sh gd js zj ah fj sc hb hn sd tj cq sn ln hi jl he sx jx gx yn gz".split(),
    "us": "ca ma ny nj pa md nc tx wa".split(),
    "jp": "13 27 14 26".split(),
    "kr": "11 28".split(),
    "de": "be by bw".split(),
}
_CHINESE = dict(
    zip(
        _PROVINCES["cn"],
        "北京 上海 广东 江苏 浙江 安徽 福建 四川 湖北 湖南 山东 天津 重庆 陕西 辽宁 海南 吉林 河北 山西 江西 广西 云南 贵州".split(),
        strict=True,
    )
)
_GROUPS = {
    "yangtze-river-delta": ("Yangtze River Delta", "长三角", ["cn-sh", "cn-js", "cn-zj", "cn-ah"]),
    "bay-areas": ("Bay areas", "湾区", ["cn-gd", "us-ca", "jp-13"]),
}
FEWEST, MOST = 80, 600


def regions(count: int) -> list[dict[str, Any]]:
    """So many entries of regions, from 80 to 600; the most frequent places first."""
    draw = random.Random(600)
    found = [_entry("world", "World", "世界", "world", None)]
    found += [_entry(code, name, chinese, "country", "world") for code, (name, chinese) in _COUNTRIES.items()]
    for country, codes in _PROVINCES.items():
        for code in codes:
            name = pycountry.subdivisions.get(code=f"{country}-{code}".upper()).name  # type: ignore[no-untyped-call]
            found.append(_entry(f"{country}-{code}", name, _CHINESE.get(code) if country == "cn" else None, "province", country))
    groups = [
        _entry(identifier, name, chinese, "multi-region", "world") | {"members": members} for identifier, (name, chinese, members) in _GROUPS.items()
    ]
    for group in groups:
        group["reference"][0]["fields"].append("members")
    parents = [entry["id"] for entry in found if entry["type"] == "province"]
    kinds = {2: "prefecture", 3: "district", 4: "functional-zone"}
    number = 0
    while len(found) + len(groups) < count:
        parent = parents[int(len(parents) * draw.random() ** 2)]
        depth = parent.count("-") + 1
        name, chinese = RARE[number * 11 % len(RARE)], RARE_ZH[number * 7 % len(RARE_ZH)]
        found.append(_entry(f"{parent}-{name}", name.capitalize(), chinese, kinds[depth], parent))
        if depth < 4:
            parents.append(found[-1]["id"])
        number += 1
    # Events happen in provinces and towns; the world itself and the groups come last.
    draw.shuffle(found)
    heads = ["cn-sh", "cn-bj", "us-ma", "cn-gd", "us-ca", "cn", "us", "cn-js"]
    found.sort(key=lambda entry: (heads.index(entry["id"]) if entry["id"] in heads else len(heads), entry["id"] == "world"))
    return found + groups


def _entry(identifier: str, name: str, chinese: str | None, kind: str, parent: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": identifier, "name": name, "type": kind}
    if chinese:
        entry["name_zh"] = chinese
    if parent:
        entry["parent"] = parent
    if kind in {"country", "province"}:
        entry["iso_3166"] = identifier.upper()
    facts = [field for field in ("name", "name_zh", "parent", "iso_3166") if field in entry]
    return entry | {"reference": [{"fields": facts, "dataset": "made up", "version": "1"}]}
