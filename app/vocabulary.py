"""Every controlled term of the product, once.

The seeds are checked against these terms, filters offer them, `GET /vocabulary` and the OpenAPI
document are generated from them. A term's `match` names the same concept elsewhere, as a CURIE:
`schema:` schema.org, `sdmx:` SDMX code lists, `mesh:` Medical Subject Headings, `iso4217:` and
`ucum:` units. Its absence says that no exact match is known.
"""

import gettext
from collections.abc import Iterable
from dataclasses import dataclass

import pycountry
from rapidfuzz import fuzz, process


@dataclass(frozen=True, slots=True)
class Term:
    """One term: what it is called in English and Chinese and what it means."""

    id: str
    name: str
    name_zh: str
    definition: str
    match: str | None = None
    units: tuple[str, ...] = ()
    """For a metric: the units that its figures may carry ("money" is any currency)."""


def _scheme(*terms: Term) -> dict[str, Term]:
    return {term.id: term for term in terms}


T = Term

# fmt: off

EVENT_TYPE = _scheme(
    T("conference", "Conference", "会议", "A meeting held for an audience: congress, annual meeting, forum or one of its sessions.", "schema:Event"),
    T("organisation-founding", "Organisation founding", "机构成立", "A society, company, alliance or institute comes into being."),
    T("publication-release", "Publication release", "出版物发布", "A report, blue book, map or data set is made public.", "schema:PublicationEvent"),
    T("platform-launch", "Platform launch", "平台启动", "A service platform or service centre starts to work or is announced as started."),
    T("facility-opening", "Facility opening", "设施启用", "A building, plant or laboratory opens."),
    T("facility-groundbreaking", "Facility groundbreaking", "设施奠基", "Construction of a facility begins."),
    T("investment-commitment", "Investment commitment", "投资签约", "Money for a project is signed or pledged; nothing is said of its being spent."),
    T("financing", "Financing", "融资", "A company raises money by selling shares or debt."),
    T("licensing-deal", "Licensing deal", "许可交易", "Rights to a product or technology are licensed."),
    T("collaboration", "Collaboration", "合作", "Parties agree to work together, with no licence or purchase at its core."),
    T("acquisition", "Acquisition", "收购", "A company or its control is bought."),
    T("divestiture", "Divestiture", "剥离", "A company sells or spins off a business."),
    T("policy", "Policy", "政策", "A public authority adopts or announces rules, plans or support measures.", "schema:Legislation"),
    T("guidance", "Guidance", "指导原则", "A regulator publishes guidance on how its rules are applied."),
    T("regulatory-acceptance", "Regulatory acceptance", "受理", "A regulator accepts an application for review."),
    T("regulatory-approval", "Regulatory approval", "批准", "A regulator approves a product or a trial."),
    T("designation", "Designation", "资格认定", "A regulator grants a status such as orphan drug or breakthrough therapy."),
    T("trial-milestone", "Trial milestone", "临床试验进展", "A clinical trial starts, doses its first patient, reads out or stops."),
    T("reimbursement-listing", "Reimbursement listing", "纳入报销目录", "A product enters a reimbursement list."),
    T("market-withdrawal", "Market withdrawal", "退市", "A product or an application is withdrawn from a market."),
    T("industry-milestone", "Industry milestone", "产业里程碑", "A place or an industry reaches a state that a source reports as an achievement."),
)

EVENT_STATUS = _scheme(
    T("announced", "Announced", "已宣布", "Made public; whether and when it happens is not settled."),
    T("scheduled", "Scheduled", "已排期", "Set for a time to come.", "schema:EventScheduled"),
    T("held", "Held", "已举行", "A meeting that took place."),
    T("completed", "Completed", "已完成", "An act that has been done: founded, released, launched, signed, approved."),
    T("cancelled", "Cancelled", "已取消", "Called off.", "schema:EventCancelled"),
    T("postponed", "Postponed", "已推迟", "Put off to a later time.", "schema:EventPostponed"),
    T("unknown", "Unknown", "未知", "The sources do not say."),
)

ROLE = _scheme(
    T("host", "Host", "主办方", "Hosts or co-hosts the event.", "schema:organizer"),
    T("organiser", "Organiser", "承办方", "Runs the event.", "schema:organizer"),
    T("co-organiser", "Co-organiser", "协办方", "Helps to run the event."),
    T("guide", "Guiding body", "指导单位", "Gives the event its official guidance."),
    T("supporter", "Supporter", "支持单位", "Supports or sponsors the event.", "schema:sponsor"),
    T("founder", "Founder", "创始人", "Founded or co-founded what the event brings into being.", "schema:founder"),
    T("founded", "Founded body", "成立机构", "The body or platform that the event brings into being."),
    T("publisher", "Publisher", "发布方", "Publishes the work that the event releases.", "schema:publisher"),
    T("issuer", "Issuer", "颁布方", "Issues the policy or guidance.", "schema:legislationPassedBy"),
    T("regulator", "Regulator", "监管机构", "Decides on the application."),
    T("applicant", "Applicant", "申请人", "Made the application."),
    T("licensor", "Licensor", "许可方", "Grants the licence."),
    T("licensee", "Licensee", "被许可方", "Receives the licence."),
    T("acquirer", "Acquirer", "收购方", "Buys.", "schema:buyer"),
    T("target", "Target", "标的", "Is bought."),
    T("seller", "Seller", "出售方", "Sells.", "schema:seller"),
    T("investor", "Investor", "投资方", "Puts up or pledges the money.", "schema:funder"),
    T("operator", "Operator", "运营方", "Runs the platform or facility."),
    T("partner", "Partner", "合作方", "Takes part in a joint undertaking.", "schema:participant"),
    T("speaker", "Speaker", "演讲者", "Speaks at the event.", "schema:performer"),
    T("tenant", "Tenant", "入驻方", "Settles in the facility or area."),
)

ORGANISATION_TYPE = _scheme(
    T("society", "Society or alliance", "学会或联盟", "A learned society, association or industry alliance.", "schema:Organization"),
    T("company", "Company", "企业", "A business.", "schema:Corporation"),
    T("university", "University", "高等院校", "An institution of higher education.", "schema:CollegeOrUniversity"),
    T("hospital", "Hospital", "医院", "A hospital.", "schema:Hospital"),
    T("research-institute", "Research institute", "研究机构", "A body that does research and is no university.", "schema:ResearchOrganization"),
    T("government", "Government body", "政府机构", "A ministry, commission or administration.", "schema:GovernmentOrganization"),
    T("regulator", "Regulator", "监管机构", "A body that approves medical products.", "schema:GovernmentOrganization"),
    T("media", "News publisher", "媒体", "A newspaper or news service.", "schema:NewsMediaOrganization"),
    T("platform", "Service platform", "服务平台", "A public service centre or platform known by a name of its own."),
    T("investor", "Investor", "投资机构", "A fund or investment firm."),
    T("other", "Other", "其他", "None of these.", "schema:Organization"),
)

REGION_TYPE = _scheme(
    T("world", "World", "世界", "The whole world."),
    T("country", "Country", "国家", "A country of ISO 3166-1.", "schema:Country"),
    T("province", "Province", "省级行政区", "A first-level division: province, municipality, state.", "schema:State"),
    T("prefecture", "Prefecture", "地级行政区", "A second-level division: prefecture-level city, county.", "schema:AdministrativeArea"),
    T("district", "District", "县级行政区", "A third-level division: district, county-level city.", "schema:AdministrativeArea"),
    T("functional-zone", "Functional zone", "功能区", "A development zone or science park that is no administrative division.", "schema:Place"),
    T("multi-region", "Group of regions", "跨区域", "A named group of regions; its members are listed.", "schema:Place"),
)

SOURCE_TYPE = _scheme(
    T("article", "Article", "报道", "A publisher's own report.", "schema:NewsArticle"),
    T("repost", "Repost", "转载", "Another publisher's report, repeated or shortened.", "schema:NewsArticle"),
    T("summary", "Summary", "摘要", "A digest of another work, often written by a machine."),
    T("official-page", "Official page", "官方网页", "A page of a public body or of an area's administration.", "schema:WebPage"),
    T("press-release", "Press release or company text", "企业发布", "What a company says of itself.", "schema:WebPage"),
    T("report", "Report", "报告", "A study or market report.", "schema:Report"),
    T("filing", "Filing", "披露文件", "A document filed with an exchange or an authority.", "schema:DigitalDocument"),
    T("journal-article", "Journal article", "期刊论文", "A paper in a scholarly journal.", "schema:ScholarlyArticle"),
)

SOURCE_GRADE = _scheme(
    T("A", "Grade A", "A 级", "Official page, filing or journal."),
    T("B", "Grade B", "B 级", "Original reporting or a company's release about its own acts."),
    T("C", "Grade C", "C 级", "Repost, summary, or trade media quoting a named source."),
    T("D", "Grade D", "D 级", "A vendor's figure without a method."),
)

METRIC = _scheme(
    T("market-size", "Market size", "市场规模", "Sales in a market in a period.", units=("money",)),
    T("industry-output", "Industry output", "产业规模", "Scale of an industry in a place in a period, as its authorities count it.", units=("money",)),
    T("annual-output-value", "Annual output value", "年产值", "Yearly output of one project or company.", units=("money",)),
    T("investment-amount", "Investment amount", "投资额", "Money put or to be put into a project.", units=("money",)),
    T("company-count", "Number of companies", "企业数量", "How many companies are in a place or field.", units=("count",)),
    T("institution-count", "Number of institutions", "机构数量", "How many universities, hospitals or institutes are in a place.", units=("count",)),
    T("attendance", "Attendance", "参会规模", "How many came to an event: persons, or bodies where the source counts those.", units=("person", "count")),
    T("growth-rate", "Growth rate", "增长率", "Change against an earlier period.", units=("percent",)),
    T("cagr", "Compound annual growth rate", "复合年增长率", "Mean yearly growth over several years.", units=("percent",)),
    T("rank", "Rank", "排名", "Place in an order; 1 is the first.", units=("rank",)),
    T("share", "Share", "占比", "Part of a whole.", units=("percent", "ratio")),
    T("tax-rate", "Tax rate", "税率", "Rate of a tax, or of its relief where the source names only that.", units=("percent",)),
    T("approval-count", "Number of approvals", "获批数量", "How many products were approved.", units=("count",)),
    T("trial-count", "Number of trials", "临床试验数量", "How many clinical trials.", units=("count",)),
    T("pipeline-count", "Number of pipeline products", "在研管线数量", "How many products are in development.", units=("count",)),
    T("facility-count", "Number of facilities", "设施数量", "How many centres, platforms or plants.", units=("count",)),
    T("processing-time", "Processing time", "办理时长", "How long a procedure takes.", units=("day", "week", "month", "year")),
    T("production-yield", "Production yield", "产量", "What a production process yields, or by how much it raises the yield.", units=("fold", "vg-per-batch")),
    T("focus-area-count", "Number of focus areas", "重点领域数量", "How many fields a plan or publication concentrates on.", units=("count",)),
    T("deal-upfront", "Upfront payment", "首付款", "Money due at the signing of a deal.", units=("money",)),
    T("deal-value", "Deal value", "交易总额", "All that a deal may bring, milestones included.", units=("money",)),
    T("price", "Price", "价格", "What a product or treatment costs.", "schema:price", units=("money",)),
    T("patients-treated", "Patients treated", "治疗患者数", "How many patients received a treatment.", units=("person",)),
    T("floor-area", "Floor area", "建筑面积", "Built area of a facility.", "schema:floorSize", units=("square-metre",)),
)

SUBJECT = _scheme(
    T("cgt", "Cell and gene therapy", "细胞与基因治疗", "Therapies made of cells or genes, and the companies that develop, make or serve them."),
    T("cell-therapy", "Cell therapy", "细胞治疗", "Therapies made of living cells.", "mesh:D064987"),
    T("gene-therapy", "Gene therapy", "基因治疗", "Therapies that deliver or change genes.", "mesh:D015316"),
    T("health-industry", "Medical and health industry", "医药健康产业", "Medicines, devices and health services of a place taken together; also rendered as pharmaceutical and health industry."),
    T("biopharmaceuticals", "Biopharmaceuticals", "生物医药", "The biopharmaceutical industry."),
    T("medical-devices", "Medical devices", "医疗器械", "Medical devices and the industry that makes them.", "mesh:D004864"),
    T("innovative-class-1-drugs", "Innovative Class 1 drugs", "1类创新药", "Drugs of registration class 1 in China: new in China and abroad."),
    T("higher-education", "Higher education", "高等教育", "Universities and colleges.", "mesh:D014495"),
    T("hospitals", "Hospitals", "医院", "Hospitals.", "mesh:D006761"),
    T("corporate-income-tax", "Corporate income tax", "企业所得税", "Tax on the income of companies."),
    T("technology-areas", "Technology areas", "技术领域", "Fields of technology that a plan or publication names."),
    T("cgt-centres", "Centres for cell and gene therapy", "细胞与基因治疗中心", "Centres founded for the industry of such therapies, whatever they do for it."),
    T("biological-reagent-imports", "Import of biological reagents", "生物试剂进口", "Customs clearance of imported biological reagents."),
    T("aav-vectors", "AAV vectors", "腺相关病毒载体", "Adeno-associated virus vectors and their production."),
)

UNIT = _scheme(
    T("percent", "Percent", "百分比", "Hundredths; 8.7 stands for 8.7 %.", "ucum:%"),
    T("ratio", "Ratio", "比值", "A fraction of one; one third is 0.333...", "ucum:1"),
    T("rank", "Rank", "名次", "Ordinal place; 1 is the first."),
    T("count", "Count", "个", "Number of things that the metric and subject name.", "ucum:{count}"),
    T("person", "Person", "人", "Number of people.", "ucum:{person}"),
    T("day", "Day", "天", "Day.", "ucum:d"),
    T("week", "Week", "周", "Week.", "ucum:wk"),
    T("month", "Month", "月", "Month.", "ucum:mo"),
    T("year", "Year", "年", "Year.", "ucum:a"),
    T("fold", "Fold", "倍", "Multiple of a baseline; 10 is ten times it.", "ucum:{fold}"),
    T("vg-per-batch", "Vector genomes per batch", "载体基因组/批", "Viral vector genomes in one production batch."),
    T("square-metre", "Square metre", "平方米", "Square metre.", "ucum:m2"),
)

BASIS = _scheme(
    T("reported", "Reported", "已公布", "Stated as a fact.", "sdmx:CL_OBS_STATUS.A"),
    T("provisional", "Provisional", "初步", "Stated as preliminary.", "sdmx:CL_OBS_STATUS.P"),
    T("estimate", "Estimate", "估计", "Stated as estimated.", "sdmx:CL_OBS_STATUS.E"),
    T("forecast", "Forecast", "预测", "Projected, expected or anticipated.", "sdmx:CL_OBS_STATUS.F"),
    T("target", "Target", "目标", "Aimed at or planned."),
    T("commitment", "Commitment", "承诺", "Signed or pledged."),
    T("company-claim", "Company's claim", "企业自述", "What a company says of itself, with no method given."),
)

QUALIFIER = _scheme(
    T("exact", "Exact", "确切", "The number as named, with no hedge; low and high equal it."),
    T("about", "About", "约", "Around the number; low and high equal it, for no margin is stated."),
    T("more-than", "More than", "超过", "Above the number, which is low; high is null."),
    T("at-least", "At least", "不少于", "The number or more; it is low, high is null."),
    T("nearly", "Nearly", "近", "Just under the number, which is high; low is null."),
    T("up-to", "Up to", "至多", "The number at most; it is high, low is null."),
    T("less-than", "Less than", "少于", "Below the number, which is high; low is null."),
    T("range", "Range", "区间", "Between low and high; value is null."),
)

AGREEMENT = _scheme(
    T("contested", "Contested", "有分歧", "A cited source states another value, unit, qualifier, basis, subject, region or period."),
    T("corroborated", "Corroborated", "多源一致", "At least two independent origins support the value and none differs."),
    T("single-origin", "Single origin", "单一来源", "One origin supports the value, however often it was repeated."),
)

PREFERENCE = _scheme(
    T("better-grade", "Better grade", "来源等级更高", "The best source that the record follows has a better grade than any that differs."),
    T("more-origins", "More origins", "独立来源更多", "More independent origins say what the record has than say something else."),
    T("curator", "Curator's judgement", "编者判断", "Neither grade nor origins decide; the note of a citation says what did."),
)

TOPIC = _scheme(
    T("cgt", "Cell and gene therapy", "细胞与基因治疗", "Cell and gene therapy at large."),
    T("cell-therapy", "Cell therapy", "细胞治疗", "Therapies made of living cells.", "mesh:D064987"),
    T("car-t", "CAR-T", "CAR-T 细胞治疗", "T cells with chimeric antigen receptors."),
    T("stem-cells", "Stem cells", "干细胞", "Stem cells and therapies made of them.", "mesh:D013234"),
    T("gene-therapy", "Gene therapy", "基因治疗", "Therapies that deliver or change genes.", "mesh:D015316"),
    T("gene-editing", "Gene editing", "基因编辑", "Changing genes in place.", "mesh:D000072669"),
    T("mrna", "mRNA", "信使核糖核酸", "Therapies and vaccines made of messenger RNA.", "mesh:D012333"),
    T("manufacturing", "Manufacturing", "生产制造", "Development and manufacturing, in house or by contract."),
    T("logistics", "Logistics", "物流", "Import, export, transport and storage."),
    T("policy", "Policy", "政策", "Plans and support measures of public authorities."),
    T("regulation", "Regulation", "监管", "Rules for trials, products and their oversight."),
    T("standards", "Standards", "标准化", "Technical standards and their making."),
    T("taxation", "Taxation", "税收", "Taxes and their relief."),
    T("investment", "Investment", "投资", "Investment and financing."),
    T("market-access", "Market access", "市场准入", "Entry of companies and products into a market."),
    T("reimbursement", "Prices and reimbursement", "价格与支付", "Prices, procurement and who pays."),
    T("clinical-trials", "Clinical trials", "临床试验", "Trials in people."),
    T("international-collaboration", "International collaboration", "国际合作", "Work across borders."),
    T("industry-cluster", "Industry cluster", "产业集群", "Companies gathered in a place and the services around them."),
    T("artificial-intelligence", "Artificial intelligence", "人工智能", "Machine learning in research and care.", "mesh:D001185"),
    T("multi-omics", "Multi-omics and precision medicine", "多组学与精准医疗", "Omics methods and therapies fitted to the patient."),
    T("brain-computer-interfaces", "Brain-computer interfaces", "脑机接口", "Interfaces between brain and machine."),
)

MODALITY = _scheme(
    T("cell-therapy", "Cell therapy", "细胞治疗", "Living cells as the product.", "mesh:D064987"),
    T("gene-therapy", "Gene therapy", "基因治疗", "Genes or gene editors as the product.", "mesh:D015316"),
    T("gene-modified-cell-therapy", "Gene-modified cell therapy", "基因修饰细胞治疗", "Cells changed outside the body, CAR-T among them."),
    T("rna-therapy", "RNA therapy", "核糖核酸治疗", "RNA as the product."),
    T("stem-cell-therapy", "Stem cell therapy", "干细胞治疗", "Stem cells as the product."),
    T("other", "Other", "其他", "None of these."),
)

ALIAS_TYPE = _scheme(
    T("alias", "Alias", "别名", "Another name in use."),
    T("former", "Former name", "曾用名", "A name no longer in use."),
    T("abbreviation", "Abbreviation", "简称", "A short form."),
    T("variant", "Variant", "异译", "Another rendering whose error is not proven."),
    T("mistranslation", "Mistranslation", "误译", "A rendering proven to be wrong."),
)

MATCH = _scheme(
    T("exact", "The very name", "名称相同", "The query is a whole name."),
    T("words", "Words of the name", "名称包含", "Every word of the query occurs in the name."),
    T("near", "Near miss", "名称相近", "Another spelling, most likely: a typing error, a missing hyphen, another character."),
    T("text", "Words of the text", "文本包含", "The words stand in names and description together, and in no one name."),
)

READING = _scheme(
    T("literal", "Literal", "直接陈述", "The passage states the supported fields."),
    T("interpreted", "Interpreted", "经解读", "The curator had to construe the passage; the note says how and the field is derived."),
)

VERIFICATION = _scheme(
    T("verified", "Verified", "已核验", "A machine found the passage and read the value back from it."),
    T("unchecked", "Unchecked", "未核验", "There is no receipt yet."),
    T("moved", "Moved", "已迁移", "The source is now at another address."),
    T("blocked", "Blocked", "无法访问", "The source could not be reached."),
    T("gone", "Gone", "已失效", "The source is no longer there."),
)

PRECISION = _scheme(
    T("day", "Day", "日", "One day."),
    T("month", "Month", "月", "Some day or all of a month."),
    T("quarter", "Quarter", "季度", "Some day or all of a quarter."),
    T("year", "Year", "年", "Some day or all of a year."),
    T("range", "Range", "区间", "Between two dates: throughout (a slash) or on some day within (brackets)."),
    T("bound", "Bound", "界限", "Not after, or not before, a date."),
)

COVERAGE = _scheme(
    T("known", "Known", "有记录", "At least one event of this region, type and year is on record."),
    T("none-known", "None known", "未见记录", "No such event is on record, and works on the region from that year or the next were read."),
    T("not-looked-at", "Not looked at", "未查阅", "No such event is on record, and no work on the region from that year or the next was read."),
)

PROBLEM = _scheme(
    T("invalid-request", "Invalid request", "请求无效", "A parameter is unknown, malformed, out of range or names nothing that exists (422)."),
    T("forbidden", "Forbidden", "禁止访问", "A web page asks for tools whose origin the operator has not admitted (403)."),
    T("not-found", "Not found", "未找到", "There is no such path or no record of that id (404)."),
    T("gone", "Withdrawn", "已撤回", "The record was published and has been withdrawn; the detail says why (410)."),
    T("merged", "Merged", "已合并", "The record was merged into another, to which Location points (308)."),
    T("method-not-allowed", "Method not allowed", "方法不允许", "The API is read-only; Allow names the methods (405)."),
    T("not-acceptable", "Not acceptable", "格式不可接受", "The Accept header admits no format that this path has (406)."),
    T("not-ready", "Not ready", "服务未就绪", "The database is out of reach, its schema is not current, or the release that is needed is not loaded (503)."),
    T("internal-error", "Internal error", "内部错误", "The server failed; nothing about its inside is told (500)."),
)

# fmt: on

SCHEMES: dict[str, dict[str, Term]] = {
    "event-type": EVENT_TYPE,
    "event-status": EVENT_STATUS,
    "role": ROLE,
    "organisation-type": ORGANISATION_TYPE,
    "region-type": REGION_TYPE,
    "source-type": SOURCE_TYPE,
    "source-grade": SOURCE_GRADE,
    "metric": METRIC,
    "subject": SUBJECT,
    "unit": UNIT,
    "currency": {},
    "basis": BASIS,
    "qualifier": QUALIFIER,
    "agreement": AGREEMENT,
    "preference": PREFERENCE,
    "topic": TOPIC,
    "modality": MODALITY,
    "alias-type": ALIAS_TYPE,
    "match": MATCH,
    "reading": READING,
    "verification": VERIFICATION,
    "precision": PRECISION,
    "coverage": COVERAGE,
    "problem": PROBLEM,
}


def _currencies() -> dict[str, Term]:
    """ISO 4217, from the iso-codes data that pycountry carries; Chinese names where it has them."""
    chinese = gettext.translation("iso4217", pycountry.LOCALES_DIR, languages=["zh_CN"])
    return {
        currency.alpha_3: Term(
            currency.alpha_3,
            currency.name,
            chinese.gettext(currency.name),
            f"Money in {currency.name} (ISO 4217 {currency.numeric}).",
            f"iso4217:{currency.alpha_3}",
        )
        for currency in pycountry.currencies
    }


CURRENCY = SCHEMES["currency"] = _currencies()
UNITS = UNIT | CURRENCY
"""Every unit that a figure may carry."""

SYNONYMS = {
    "RMB": "CNY",
    "CNH": "CNY",
    "yuan": "CNY",
    "元": "CNY",
    "人民币": "CNY",
    "$": "USD",
    "US$": "USD",
    "美元": "USD",
    "€": "EUR",
    "%": "percent",
}
"""What people write for a unit, and the term that they mean."""


def is_country(code: str) -> bool:
    """Whether this is a code of ISO 3166-1."""
    return pycountry.countries.get(alpha_2=code) is not None


def is_subdivision(code: str) -> bool:
    """Whether this is a code of ISO 3166-2."""
    return pycountry.subdivisions.get(code=code) is not None  # type: ignore[no-untyped-call]  # the package types some of its methods


def is_language(code: str) -> bool:
    """Whether this is a code of ISO 639."""
    return pycountry.languages.get(alpha_2=code) is not None or pycountry.languages.get(alpha_3=code) is not None


def admits(metric: str, unit: str) -> bool:
    """Whether figures of this metric may carry this unit."""
    allowed = METRIC[metric].units
    return unit in allowed or (unit in CURRENCY and "money" in allowed)


def closest(value: str, candidates: Iterable[str]) -> str | None:
    """The candidate that a writer most likely meant, for "did you mean"."""
    found = process.extractOne(value.casefold().strip(), list(candidates), scorer=fuzz.ratio, processor=str.casefold, score_cutoff=70)
    return found[0] if found else None
