"""What made-up titles and names are made of: few words are very common and most are rare, in English and Chinese."""

import random
from collections.abc import Sequence
from itertools import product
from typing import TypeVar

T = TypeVar("T")

_SLOTS = 1 << 17

COMMON = (
    "the of and in for cell therapy gene a to with its clinical trial company new industry treatment patients vector first research"
    " manufacturing product approval China platform development production international financing medical phase market centre drug data"
    " technology CAR-T innovation stem regulatory agreement policy plan university hospital billion cancer disease global region project"
    " park AAV quality immune antibody editing CRISPR delivery investment strategy standard review biopharma capacity licence partner safety"
    " efficacy lymphoma leukaemia myeloma haemophilia retina muscle orphan designation mRNA lentiviral allogeneic autologous solid tumour"
    " supply chain logistics import export cluster incentive talent funding series round infusion dose response remission follow-up launch"
    " opening ceremony forum annual meeting blue book society alliance commission administration guidance exosome organoid NK TCR TIL iPSC"
    " plasmid bioreactor cryopreservation potency assay biomarker registry payer price reimbursement access insurer naïve café"
).split()
"""The most common words, in the order of their frequency."""

COMMON_ZH = (
    "细胞 基因 治疗 产业 发展 创新 临床 研究 企业 中国 技术 产品 药物 生物 医药 平台 中心 国际 合作 获批 试验 患者 北京 上海 广州 南沙 政策 投资"
    " 融资 生产 质量 标准 监管 审批 上市 干细胞 载体 编辑 肿瘤 免疫 血液 罕见病 大会 论坛 年会 联盟 学会 园区 集群 进口 通关 税收 优惠 人才 基金"
    " 签约 落地 启动 启用 奠基 发布 蓝皮书 指导原则 受理 医保 目录 首例 给药 随访 疗效 安全性 病毒 质粒 外泌体 类器官 冷链 物流"
).split()
"""The most common words in Chinese, in the order of their frequency."""

_RARE_ZH = "锦博瑞康华恒益泽宸启源沃森赛诺凯莱信达百济科伦微创派真和铂君实荣昌复宏翰森贝海思路邦耀传奇合源优卡迪驯鹿"

_STEMS = [
    "".join(parts)
    for parts in product(
        ("axi", "tisa", "bre", "ide", "lo", "ona", "eto", "vala", "ru", "deli", "mozo", "zeve", "obe", "cilta", "eque", "rela", "sipu", "talo"),
        ("", "ca", "fo", "mi", "tu"),
        ("cabta", "gen", "xu", "lec", "dista", "ma", "parvo", "ribo", "no", "rexa", "tide", "vari", "zoli", "fida", "kabe", "lumo", "pexi", "quora"),
    )
]
RARE = [stem + end for end in ("gene", "leucel", "vec", "sen", "mab", "cel", "ran", "bio", "thera", "nix", "zyme", "plex") for stem in _STEMS]
"""Words as drugs and companies are named."""

RARE_ZH = ["".join(pair) for pair in product(_RARE_ZH, repeat=2)]


def zipf(items: Sequence[T], slots: int = _SLOTS) -> list[T]:
    """A table to draw from at random: the item of rank r stands there about 1/r as often as the first one."""
    most = len(items) + 1
    return [items[int(most ** (place / slots)) - 1] for place in range(slots)]


def rank(draw: random.Random, count: int) -> int:
    """A number from 0 to below `count`; r is about 1/(r + 1) as frequent as 0."""
    return int((count + 1) ** draw.random()) - 1


ENGLISH = zipf(COMMON + RARE)
CHINESE = zipf(COMMON_ZH + RARE_ZH)


def english(draw: random.Random, count: int) -> str:
    """So many words."""
    return " ".join(draw.choices(ENGLISH, k=count))


def sentence(draw: random.Random, count: int) -> str:
    """So many words, the first of them with a capital."""
    text = english(draw, count)
    return text[0].upper() + text[1:]


def chinese(draw: random.Random, count: int) -> str:
    """So many words, without blanks as Chinese is written."""
    return "".join(draw.choices(CHINESE, k=count))


def anchor(draw: random.Random, language: str) -> str:
    """A phrase short enough to be an anchor."""
    return chinese(draw, 3) if language == "zh" else english(draw, 4)
