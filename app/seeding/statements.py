"""What each source says of a figure, side by side, and whom the record follows where they differ."""

from typing import Any

from app import schemas, vocabulary
from app.dates import parse
from app.seeding import quantities, references
from app.seeding.dataset import Dataset
from app.seeding.entries import CitationForm, FigureForm
from app.seeding.knowledge import COMPARED


def statements(data: Dataset, form: FigureForm) -> list[schemas.Statement]:
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
    return [_statement(data, form, group[0].source, group) for group in told]


def _agree(group: list[CitationForm], citation: CitationForm) -> bool:
    supported, stated = {field for other in group for field in other.supports}, {field for other in group for field in other.stated}
    return not (supported & citation.stated.keys() or stated & {*citation.supports, *citation.stated})


def preferences(found: list[schemas.Statement]) -> list[schemas.Preference]:
    """For each field on which sources differ, the rule by which the record follows some of them."""
    told = []
    for field in COMPARED:
        differing = [statement for statement in found if field in statement.differs_on]
        followed = [statement for statement in found if field in statement.followed_on]
        if differing:
            ids = [[statement.source.id for statement in side] for side in (followed, differing)]
            told.append(schemas.Preference(field=field, rule=_rule(followed, differing), followed=ids[0], differing=ids[1]))
    return told


def _rule(followed: list[schemas.Statement], differing: list[schemas.Statement]) -> str:
    grades = list(vocabulary.SOURCE_GRADE)
    best = [min((grades.index(statement.grade) for statement in side), default=len(grades)) for side in (followed, differing)]
    if best[0] < best[1]:
        return "better-grade"
    origins = [len({statement.origin.id for statement in side}) for side in (followed, differing)]
    return "more-origins" if origins[0] > origins[1] else "curator"


def _statement(data: Dataset, form: FigureForm, identifier: str, cited: list[CitationForm]) -> schemas.Statement:
    source = data.sources[identifier]
    stated: dict[str, str] = {field: text for citation in cited for field, text in citation.stated.items()}
    followed = {field for citation in cited for field in citation.supports} & set(COMPARED) - stated.keys()

    def said(field: str) -> Any:
        return stated.get(field) or (getattr(form, field) if field in followed else None)

    value = quantities.parse(stated["value"]) if "value" in stated else said("value")
    period = parse(stated["period"]) if "period" in stated else said("period")
    return schemas.Statement(
        source=references.source(data, identifier),
        publisher=references.organisation(data, source.publisher) if source.publisher else None,
        published=references.span(source.published),
        grade=source.grade,
        origin=references.source(data, data.origin(identifier)),
        value=value.value if value else None,
        low=value.low if value else None,
        high=value.high if value else None,
        qualifier=value.qualifier if value else None,
        unit=value.unit if value else None,
        basis=said("basis"),
        subject=references.subject(said("subject")) if said("subject") else None,
        region=references.region(data, said("region")) if said("region") else None,
        period=references.span(period),
        followed_on=[field for field in COMPARED if field in followed],
        differs_on=[field for field in COMPARED if field in stated],
    )
