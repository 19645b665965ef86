"""Reading amounts, ranks and dates out of English and Chinese text, with the span of each.

Pure functions of the text, linear in its length. They read what is written and guess nothing: a number without a unit has none,
a date has the precision that it has.

    numerals   numbers in digits, words and both mixed (1.06, 2,000, 1e+17, thirty-seven, a thousand, 三亿五千万, 1.06万亿)
    amounts    a number with qualifier, scale and unit, ranges, fractions, ordinals and superlatives
    moments    days, months, quarters, half-years and years

| written | read |
|---|---|
| 1.06 trillion yuan, 1.06万亿元, CNY 1.06tn | 1.06e12 CNY |
| $76 billion, 76 billion USD, 760亿美元 | 7.6e10 USD |
| over a thousand, 逾千 | more than 1000 |
| nearly 2,000 participants, 近2000人 | nearly 2000 person |
| approximately 500 million RMB, 约5亿元 | about 5e8 CNY |
| not less than 30, 不少于30, 30 or more, 30以上 | at least 30 |
| up to 10-fold, 最多10倍 | up to 10 fold |
| more than 20, 20余家, 20多家 | more than 20 |
| one or two months, 1-2个月, 一至两个月 | 1 to 2 month |
| 8.7%, 8.7 percent, 百分之八点七 | 8.7 percent |
| one third, 三分之一 | 1/3 ratio |
| ranked third, third in, 第三, 3rd | rank 3 |
| led the nation, ranked first, 居首, 全国第一 | rank 1 |
| Sept. 14, 2025, 14 September 2025, 2025-09-14, 2025年9月14日 | 2025-09-14 |
| March 2024, 2024年3月 | 2024-03 |
| Q3 2025, third quarter of 2025, 2025年第三季度 | 2025-35 |
| first half of 2024, 2024年上半年 | 2024-01/2024-06 |
| 2024, 2024年 | 2024 |
"""
