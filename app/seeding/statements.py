"""What each source says of a figure, side by side, and whom the record follows where they differ."""

from typing import Any

from app import vocabulary
from app.dates import parse
from app.seeding import quantities
from app.seeding.entries import CitationForm, FigureForm
from app.seeding.knowledge import COMPARED
from app.seeding.references import Json, References, number, span, subject


def statements(shown: References, form: FigureForm) -> list[Json]:
    """A statement for each source that says anything of the figure, in the order in which the record cites them.

    A source that says two things, in two passages, makes two statements.
    """
    told: list[list[CitationForm]] = []
    for citation in form.cite:
        if set(COMPARED) & {*citation.supports, *citation.stated}:
            same = next((group for group in told if group[0].source == citation.source and _agree(group, citation)), None)
            if same is None:
                told.append([citation])
            else:
                same.append(citation)
    return [_statement(shown, form, group[0].source, group) for group in told]


def _agree(group: list[CitationForm], citation: CitationForm) -> bool:
    supported, stated = {field for other in group for field in other.supports}, {field for other in group for field in other.stated}
    return not (supported & citation.stated.keys() or stated & {*citation.supports, *citation.stated})


def preferences(found: list[Json]) -> list[Json]:
    """For each field on which sources differ, the rule by which the record follows some of them."""
    told: list[Json] = []
    for field in COMPARED:
        differing = [statement for statement in found if field in statement["differs_on"]]
        followed = [statement for statement in found if field in statement["followed_on"]]
        if differing:
            ids = [[statement["source"]["id"] for statement in side] for side in (followed, differing)]
            told.append({"field": field, "rule": _rule(followed, differing), "followed": ids[0], "differing": ids[1]})
    return told


def _rule(followed: list[Json], differing: list[Json]) -> str:
    grades = list(vocabulary.SOURCE_GRADE)
    best = [min((grades.index(statement["grade"]) for statement in side), default=len(grades)) for side in (followed, differing)]
    if best[0] < best[1]:
        return "better-grade"
    origins = [len({statement["origin"]["id"] for statement in side}) for side in (followed, differing)]
    return "more-origins" if origins[0] > origins[1] else "curator"


def _statement(shown: References, form: FigureForm, identifier: str, cited: list[CitationForm]) -> Json:
    source = shown.data.sources[identifier]
    stated: dict[str, str] = {field: text for citation in cited for field, text in citation.stated.items()}
    followed = {field for citation in cited for field in citation.supports} & set(COMPARED) - stated.keys()

    def said(field: str) -> Any:
        return stated.get(field) or (getattr(form, field) if field in followed else None)

    value = quantities.parse(stated["value"]) if "value" in stated else said("value")
    period = parse(stated["period"]) if "period" in stated else said("period")
    return {
        "source": shown.source(identifier),
        "publisher": shown.organisation(source.publisher) if source.publisher else None,
        "published": span(source.published),
        "grade": source.grade,
        "origin": shown.source(shown.origin(identifier)),
        "value": number(value.value) if value else None,
        "low": number(value.low) if value else None,
        "high": number(value.high) if value else None,
        "qualifier": value.qualifier if value else None,
        "unit": value.unit if value else None,
        "basis": said("basis"),
        "subject": subject(said("subject")) if said("subject") else None,
        "region": shown.region(said("region")) if said("region") else None,
        "period": span(period),
        "followed_on": [field for field in COMPARED if field in followed],
        "differs_on": [field for field in COMPARED if field in stated],
    }
