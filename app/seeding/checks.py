"""What must hold between the entries of a folder; every mistake of the whole set is told at once."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar

from app import vocabulary
from app.seeding import quantities
from app.seeding.dataset import Dataset
from app.seeding.entries import FACTS, FORMS, KIND_OF_FILE, REFERENCE_FIELDS, CitationForm, EventForm, FigureForm, RecordForm, RegionForm, SourceForm
from app.seeding.files import Entry, Mistake
from app.seeding.lines import Lines, Unsound
from app.seeding.links import CHAINS, Links
from app.seeding.numbers import of_text

F = TypeVar("F")

EDITORIAL = {
    "source": ("title", "title_zh", "type", "grade", "rights", "document"),
    "organisation": ("type", "description"),
    "region": ("type",),
    "event": ("type", "title", "title_zh", "summary", "topics"),
    "figure": ("metric", "subject", "scope_note"),
}
"""Fields in our own words and classification: they need no passage, but may have one."""


def check(data: Dataset) -> list[Mistake]:
    """Every mistake between entries that have the right form."""
    mistakes = whole(data)
    for kind in KIND_OF_FILE.values():
        for record in data.table(kind).values():
            mistakes += of_record(data, kind, record, data.entry(record.id))
    for identifier, (kind, record) in data.broken.items():
        mistakes += of_broken(data, kind, record, data.entry(identifier))
    return mistakes


def whole(data: Dataset) -> list[Mistake]:
    """Every mistake that no entry has by itself."""
    links = data.links()
    mistakes = [*_cycles(data, links), *_overlaps(data, links), *_documents(data, links)]
    for rule in (_regions, _retired, _left_out):
        mistakes += rule(data)
    return [*mistakes, *_floors(data, links)]


def of_record(data: Dataset, kind: str, record: Any, entry: Entry) -> list[Mistake]:
    """Every mistake of an entry of the right form, beside others that it refers to."""
    mistakes = list(_references(data, kind, record, entry))
    if isinstance(record, FigureForm):
        mistakes += _figure(data, record, entry)
    if isinstance(record, EventForm):
        mistakes += _event(record, entry)
    if isinstance(record, SourceForm):
        mistakes += _source(data, record, entry)
    if isinstance(record, RecordForm):
        mistakes += _citations(data, kind, record, entry)
        mistakes += _coverage(kind, record, entry)
    return mistakes


def of_broken(data: Dataset, kind: str, record: Any, entry: Entry) -> list[Mistake]:
    """Every mistake of the sound parts of an entry that has mistakes of form as well."""
    mistakes = list(_references(data, kind, record, entry))
    # Where what supports the fields is not sound itself, nothing can be said of them.
    supported = kind != "document" and all(getattr(record, name, None) or not entry.data.get(name) for name in ("cite", "derived", "reference"))
    return [*mistakes, *_uncovered(kind, record, entry)] if supported else mistakes


def filled(record: RecordForm, field: str) -> bool:
    """Whether an entry fills a field; a mapping with nothing in it does not."""
    value = getattr(record, field)
    if hasattr(value, "model_fields_set"):
        return any(part is not None for _, part in value)
    return value is not None and value != []


def _references(data: Dataset, kind: str, record: Any, entry: Entry) -> Iterator[Mistake]:
    for path, wanted, target in _targets(kind, record):
        if target is None or target in data.table(wanted) or target in data.broken or wanted in data.unread:
            continue
        if (other := data.kind(target)) is not None:
            message = f"{target!r} is of the kind {other}, not {wanted}"
        elif target in data.retired:
            message = f"{target!r} is retired; refer to what took its place"
        else:
            close = vocabulary.closest(target, data.table(wanted))
            mend = f"did you mean {close!r}?" if close else f"add it to {Path(data.file(f'{wanted}s')).name}"
            message = f"there is no {wanted} {target!r}; {mend}"
        yield entry.mistake(f"{_dotted(path)}: {message}", *path)


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part + 1 if isinstance(part, int) else part) for part in path)


_SINGLE = {
    "region": {"parent": "region"},
    "organisation": {"region": "region", "parent": "organisation"},
    "source": {"publisher": "organisation", "derived_from": "source", "document": "document"},
    "event": {"region": "region", "parent": "event"},
    "figure": {"region": "region", "organisation": "organisation", "event": "event"},
}
"""The fields of each kind that refer to one record, and its kind."""


def _targets(kind: str, record: Any) -> Iterator[tuple[tuple[str | int, ...], str, str | None]]:
    """Every reference of an entry: where it stands, the kind that it must name, the id."""
    for field, wanted in _SINGLE.get(kind, {}).items():
        yield (field,), wanted, getattr(record, field)
    if kind == "region":
        yield from ((("members", index), "region", member) for index, member in enumerate(record.members))
    if kind == "event":
        for field in ("organisations", "people"):
            for index, part in enumerate(getattr(record, field)):
                yield (field, index, "organisation"), "organisation", part.organisation
    if kind == "figure" and record.relative_to:
        yield ("relative_to", "region"), "region", record.relative_to.region
        yield ("relative_to", "figure"), "figure", record.relative_to.figure
    for index, citation in enumerate(getattr(record, "cite", [])):
        yield ("cite", index, "source"), "source", citation.source
        if citation.attributed_to:
            yield ("cite", index, "attributed_to", "organisation"), "organisation", citation.attributed_to.organisation


def _sound(table: Mapping[str, F]) -> Iterator[F]:
    """The entries of a table that have the right form: what is wrong with the others is told elsewhere."""
    return (form for name in table if (form := table.get(name)) is not None)


def _cycles(data: Dataset, links: Links) -> Iterator[Mistake]:
    # Where nothing stands above what stands above a record, there is no circle.
    above = {place: links.under[place].chained() for place in CHAINS}
    regions = list(_sound(data.regions))
    places = above["region", "parent"] = {region.id: {region.parent} if region.parent else set() for region in regions}
    for region in regions:
        for member in region.members:
            places.setdefault(member, set()).add(region.id)
    for (_, field), graph in above.items():
        for name in [name for name, uppers in graph.items() if name in uppers]:
            yield data.entry(name).mistake(f"{field}: names the record itself; remove it", field)
            graph.pop(name)
        while (cycle := _cycle(graph)) is not None:
            yield data.entry(cycle[0]).mistake(f"{field}: goes round in a circle ({' -> '.join(cycle)}); break it", field)
            for name in cycle:
                graph.pop(name, None)


def _cycle(graph: dict[str, set[str]]) -> list[str] | None:
    """A cycle from its alphabetically first member up and back to it; None where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1][:0:-1]  # told downwards, with the first one at both ends
        first = ring.index(min(ring))
        return [*ring[first:], *ring[:first], ring[first]]
    return None


def _regions(data: Dataset) -> Iterator[Mistake]:
    codes: dict[str, str] = {}
    for region in _sound(data.regions):
        if (message := _region_id(region)) is not None:
            yield data.entry(region.id).mistake(message, "id")
        code = region.iso_3166
        if code and not vocabulary.is_country(code) and not vocabulary.is_subdivision(code):
            yield data.entry(region.id).mistake(f"iso_3166: {code!r} is no code of ISO 3166", "iso_3166")
        elif code and region.type in {"country", "province"} and code != region.id.upper():
            yield data.entry(region.id).mistake(f"iso_3166: {code!r} is the code of another region than {region.id!r}", "iso_3166")
        if code and codes.setdefault(code, region.id) != region.id:
            yield data.entry(region.id).mistake(f"iso_3166: {code!r} is that of {codes[code]!r} too; a code names one region", "iso_3166")
        if bool(region.members) != (region.type == "multi-region"):
            yield data.entry(region.id).mistake("members: a multi-region has members, and only that; correct the type or the members", "members")
        if (region.latitude is None) != (region.longitude is None):
            yield data.entry(region.id).mistake("latitude: stands without the other coordinate; give both or neither", "latitude", "longitude")


def _region_id(region: RegionForm) -> str | None:
    if region.type == "world":
        return None if region.id == "world" and region.parent is None else "the world has the id 'world' and no parent"
    if region.parent is None:
        return None if region.type == "multi-region" else f"a {region.type} needs a parent"
    if region.type == "country" and not vocabulary.is_country(region.id.upper()):
        return f"a country's id is its ISO 3166-1 code in small letters; {region.id!r} is none"
    if region.type == "province" and not vocabulary.is_subdivision(region.id.upper()):
        return f"a province's id is its ISO 3166-2 code in small letters; {region.id!r} is none"
    if region.type not in {"country", "multi-region"} and not region.id.startswith(f"{region.parent}-"):
        return f"the id must be the parent's and a name: {region.parent}-..."
    return None


def _source(data: Dataset, source: SourceForm, entry: Entry) -> Iterator[Mistake]:
    if (source.document is None) != (source.part is None):
        yield entry.mistake("part: a held source says which part of its document it is; give document and part, or neither", "part", "document")
    if source.part and source.document and (held := data.documents.get(source.document)):
        start, end, length = source.part.start, source.part.end, held.length
        if not start < end <= length:
            yield entry.mistake(f"part: {start} to {end} does not lie in the document, which has {length} code points", "part")


def _overlaps(data: Dataset, links: Links) -> Iterator[Mistake]:
    for start, end, *numbers in links.parts.overlaps():
        source, other = (_source_of(data, number) for number in numbers)
        message = f"part: {start} to {end} overlaps the part of {other!r}; a passage belongs to one source"
        yield data.entry(source).mistake(message, "part")


def _source_of(data: Dataset, number: int) -> str:
    table = data.sources
    return table.at(number).name if isinstance(table, Lines) else next(name for name in table if of_text(name) == number)


def _documents(data: Dataset, links: Links) -> Iterator[Mistake]:
    for field, first, second in links.doubles():
        yield data.entry(second).mistake(f"{field}: is that of {first!r} too; a document is entered once", field)


def _figure(data: Dataset, figure: FigureForm, entry: Entry) -> Iterator[Mistake]:
    unit = figure.value.unit
    if not vocabulary.admits(figure.metric, unit):
        allowed = ", ".join(vocabulary.METRIC[figure.metric].units).replace("money", "a currency")
        yield entry.mistake(f"value: the metric {figure.metric!r} is not given in {unit!r}; use {allowed}", "value")
    if (message := _out_of_domain(figure)) is not None:
        yield entry.mistake(f"value: {message}", "value")
    if figure.subject is None and figure.event is None:
        yield entry.mistake("subject: a figure says what it measures, by a subject or by its event; add one", "subject")
    for index, citation in enumerate(figure.cite):
        yield from (
            entry.mistake(f"cite.{index + 1}.stated: {message}", "cite", index, "stated") for message in _stated(data, figure, citation.stated)
        )


def _out_of_domain(figure: FigureForm) -> str | None:
    """What a number of its unit cannot be."""
    unit = figure.value.unit
    numbers = [number for number in (figure.value.low, figure.value.high) if number is not None]
    if unit in {"rank", "count", "person"} and not all(number.is_integer() for number in numbers):
        return f"a {unit} is a whole number"
    if unit == "rank" and min(numbers) < 1:
        return "a rank is 1 or more"
    if min(numbers) < 0 and figure.metric not in {"growth-rate", "cagr"}:
        return "only growth can be negative"
    whole = {"percent": 100, "ratio": 1}.get(unit)
    if figure.metric == "share" and whole is not None and max(numbers) > whole:
        return f"a share is at most {whole} {unit}"
    return None


def _stated(data: Dataset, figure: FigureForm, stated: Any) -> Iterator[str]:
    for field, text in stated.items():
        if field == "value":
            try:
                quantity = quantities.parse(text)
            except ValueError as error:
                yield f"value: {error}"
            else:
                if quantity == figure.value:
                    yield "value: is what the record says; leave it out"
        elif field in {"basis", "subject"} and text not in vocabulary.SCHEMES[field]:
            yield f"{field}: {text!r} is no {field} of the vocabulary"
        elif field == "region" and text not in data.regions:
            yield f"region: there is no region {text!r}"
        elif field not in {"value", "basis", "subject", "region", "period"}:
            yield f"{field}: is no field of a figure that sources differ on"
        elif field in {"basis", "subject", "region"} and text == getattr(figure, field):
            yield f"{field}: is what the record says; leave it out"


def _event(event: EventForm, entry: Entry) -> Iterator[Mistake]:
    for field in ("organisations", "people", "products", "topics"):
        items = getattr(event, field)
        for index, item in enumerate(items):
            if item in items[:index]:
                yield entry.mistake(f"{field}.{index + 1}: stands there twice; keep one", field, index)
    if event.status == "held" and event.type != "conference":
        yield entry.mistake("status: only a conference is held; use completed", "status")


def _citations(data: Dataset, kind: str, record: RecordForm, entry: Entry) -> Iterator[Mistake]:
    if kind in {"event", "figure", "organisation"} and not record.cite:
        yield entry.mistake("cite: a record of this kind needs a citation; add one or drop the record")
    cited = {citation.source for citation in record.cite}
    for index, derived in enumerate(record.derived):
        if derived.field in (other.field for other in record.derived[:index]):
            yield entry.mistake(f"derived.{index + 1}: {derived.field!r} is derived twice; keep one", "derived", index)
        for source in derived.from_:
            if source not in cited:
                yield entry.mistake(f"derived.{index + 1}.from: {source!r} is not cited by the record; cite it", "derived", index)
    for index, citation in enumerate(record.cite):
        messages = list(_citation(data, record, citation))
        if citation in record.cite[:index]:
            messages.append("stands there twice; keep one")
        yield from (entry.mistake(f"cite.{index + 1}: {message}", "cite", index) for message in messages)


def _citation(data: Dataset, record: RecordForm, citation: CitationForm) -> Iterator[str]:
    source = data.sources.get(citation.source)
    if source and not source.document:
        yield f"nobody held {citation.source!r}; cite the source that was read"
    if not isinstance(record, FigureForm) and (odd := sorted({"value", "basis", "subject", "period"} & set(citation.stated))):
        yield f"stated.{odd[0]}: is a field of figures only"
    if both := sorted(set(citation.supports) & set(citation.stated)):
        yield f"supports {both[0]} and states another; keep one"
    if citation.reading != "interpreted":
        return
    if citation.note is None:
        yield "an interpreted passage needs a note that says how it was read"
    literal = {field for other in record.cite if other.reading == "literal" for field in other.supports}
    for field in citation.supports:
        if field not in literal and field not in {derived.field for derived in record.derived}:
            yield f"{field} is interpreted; list it under derived with the reason"


def _coverage(kind: str, record: RecordForm, entry: Entry) -> Iterator[Mistake]:
    known = {*_facts(kind, record), *(field for field in EDITORIAL[kind] if filled(record, field))}
    for index, citation in enumerate(record.cite):
        yield from _unknown(entry, citation.supports, known, ("cite", index))
    yield from _unknown(entry, [derived.field for derived in record.derived], known, ("derived",))
    for index, reference in enumerate(getattr(record, "reference", [])):
        yield from _unknown(entry, reference.fields, known & REFERENCE_FIELDS[kind], ("reference", index))
    yield from _uncovered(kind, record, entry)


def _facts(kind: str, record: RecordForm) -> list[str]:
    """The fields of a record that state facts; that a status is unknown is none."""
    return [field for field in FACTS[kind] if filled(record, field) and getattr(record, field) != "unknown"]


def _uncovered(kind: str, record: RecordForm, entry: Entry) -> Iterator[Mistake]:
    covered = {field for citation in record.cite for field in citation.supports} | {derived.field for derived in record.derived}
    covered.update(field for reference in getattr(record, "reference", []) for field in reference.fields)
    for field in _facts(kind, record):
        if field not in covered:
            help_ = ", a derivation or a reference" if field in REFERENCE_FIELDS.get(kind, ()) else " or a derivation"
            yield entry.mistake(f"{field}: no citation supports it; add it to a citation's supports{help_}, or leave it out", field)


def _unknown(entry: Entry, fields: list[str], known: set[str], path: tuple[str | int, ...]) -> Iterator[Mistake]:
    for field in fields:
        if field not in known:
            close = vocabulary.closest(field, known)
            hint = f"did you mean {close!r}?" if close else "it is not filled, or cannot be supported this way"
            yield entry.mistake(f"{_dotted(path)}: {field!r} is no field of this record here; {hint}", *path)


def _retired(data: Dataset) -> Iterator[Mistake]:
    for retired in data.retired.values():
        entry = data.entry(retired.id)
        target = retired.merged_into
        if target is None:
            continue
        if target not in data.table(retired.kind) and target not in data.broken and retired.kind not in data.unread:
            yield entry.mistake(f"merged_into: there is no {retired.kind} {target!r} to merge into", "merged_into")


def _left_out(data: Dataset) -> Iterator[Mistake]:
    for form, entry in data.left_out:
        if form.document not in data.documents and form.document not in data.broken and "document" not in data.unread:
            yield entry.mistake(f"document: there is no document {form.document!r}; name the id of one", "document")


def _floors(data: Dataset, links: Links) -> list[Mistake]:
    try:
        return list(_below_floors(data, links))
    except Unsound:
        return []  # as below


def _below_floors(data: Dataset, links: Links) -> Iterator[Mistake]:
    entry = data.floors_entry
    if entry is None or data.broken or data.unread:
        return  # with entries missing for their form, every count would be a mistake that follows from another
    mend = "restore what is missing or lower the floor"
    for name, floor in data.floors.items():
        records: Mapping[str, Any] = data.table(KIND_OF_FILE[name]) if name in KIND_OF_FILE else {}
        count = len(records) if name in KIND_OF_FILE else links.citations
        if count < floor.records:
            yield entry.mistake(f"{name}.records: {count} stand in the files, the floor is {floor.records}; {mend}", name)
        for field, least in floor.filled.items():
            path = (name, "filled", field)
            if name not in FORMS or field not in FORMS[name].model_fields:
                yield entry.mistake(f"{_dotted(path)}: there is no such field", *path)
            elif (have := sum(filled(record, field) for record in records.values())) < least:
                yield entry.mistake(f"{_dotted(path)}: {have} records fill it, the floor is {least}; {mend}", *path)
