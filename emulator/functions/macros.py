"""DuckDB macros with StarRocks' semantics; each name starts with `sr_` so that it shadows nothing.

Macros are bound when they are made: one that uses another stands behind it. They live in the memory of the process. A
macro's text is put in place of the call: where calls nest deeply (sr_wrap) a parameter must be used only once.
"""

_BODIES: tuple[tuple[str, str], ...] = (
    # numbers
    (
        "sr_wrap(x)",
        "cast(((x + 9223372036854775808) % 18446744073709551616 + 18446744073709551616) % 18446744073709551616"
        " - 9223372036854775808 as bigint)",
    ),
    (
        "sr_unscaled(x, power)",
        "cast(trunc(x) as hugeint) * cast(power as hugeint) + cast((x - trunc(x)) * cast(power as hugeint) as hugeint)",
    ),
    (
        "sr_scaled(u, more)",
        "case when abs(u) <= 170000000000000000000000000000000000000 // cast(more as hugeint)"
        " then u * cast(more as hugeint) end",
    ),
    (
        "sr_div_round(a, b)",
        "case when b = 0 then null else (2 * abs(a) + abs(b)) // (2 * abs(b))"
        " * (case when (a < 0) = (b < 0) then 1 else -1 end) end",
    ),
    ("sr_integer_text(t)", "regexp_extract(t, '^\\s*([+-]?[0-9]+)\\s*$', 1)"),
    ("sr_number_text(t)", "trim(t)"),
    ("sr_square(x)", "x * x"),
    ("sr_pmod(a, b)", "((a % b) + b) % b"),
    ("sr_round(x)", "cast(round(x) as bigint)"),
    ("sr_truncate(x, d)", "trunc(x * power(10, d)) / power(10, d)"),
    (
        "sr_to_boolean(t)",
        "case lower(trim(t)) when 'true' then true when 'false' then false else try_cast(trim(t) as bigint) <> 0 end",
    ),
    (
        "sr_double_text(x)",
        "case when x = trunc(x) and abs(x) < 1e15 then cast(cast(x as bigint) as varchar) else cast(x as varchar) end",
    ),
    # time
    ("sr_now()", "date_trunc('second', cast(current_timestamp as timestamp))"),
    ("sr_now6()", "cast(current_timestamp as timestamp)"),
    (
        "sr_to_datetime(t)",
        "coalesce(try_cast(trim(t) as timestamp),"
        " try_strptime(trim(t), ['%Y%m%d', '%Y%m%d%H%M%S', '%Y-%m-%d %H:%M', '%Y/%m/%d', '%Y/%m/%d %H:%M:%S',"
        " '%y%m%d']))",
    ),
    (
        "sr_datetime_text(x)",
        "case when microsecond(x) % 1000000 = 0 then strftime(x, '%Y-%m-%d %H:%M:%S')"
        " else strftime(x, '%Y-%m-%d %H:%M:%S.%f') end",
    ),
    ("sr_date_to_number(x)", "cast(strftime(x, '%Y%m%d') as bigint)"),
    ("sr_datetime_to_number(x)", "cast(strftime(x, '%Y%m%d%H%M%S') as bigint)"),
    ("sr_number_to_datetime(n)", "sr_to_datetime(cast(n as varchar))"),
    ("sr_months_add(x, n)", "x + to_months(cast(n as integer))"),
    ("sr_years_add(x, n)", "x + to_years(cast(n as integer))"),
    ("sr_quarters_add(x, n)", "x + to_months(cast(3 * n as integer))"),
    ("sr_weeks_add(x, n)", "x + to_days(cast(7 * n as integer))"),
    ("sr_days_add(x, n)", "x + to_days(cast(n as integer))"),
    ("sr_hours_add(x, n)", "x + to_hours(cast(n as bigint))"),
    ("sr_minutes_add(x, n)", "x + to_minutes(cast(n as bigint))"),
    ("sr_seconds_add(x, n)", "x + to_seconds(cast(n as bigint))"),
    ("sr_milliseconds_add(x, n)", "x + to_milliseconds(cast(n as bigint))"),
    ("sr_microseconds_add(x, n)", "x + to_microseconds(cast(n as bigint))"),
    ("sr_microseconds_diff(a, b)", "epoch_us(a) - epoch_us(b)"),
    ("sr_milliseconds_diff(a, b)", "cast(trunc((epoch_us(a) - epoch_us(b)) / 1000) as bigint)"),
    ("sr_seconds_diff(a, b)", "cast(trunc((epoch_us(a) - epoch_us(b)) / 1000000) as bigint)"),
    ("sr_minutes_diff(a, b)", "cast(trunc((epoch_us(a) - epoch_us(b)) / 60000000) as bigint)"),
    ("sr_hours_diff(a, b)", "cast(trunc((epoch_us(a) - epoch_us(b)) / 3600000000) as bigint)"),
    ("sr_days_diff(a, b)", "cast(trunc((epoch_us(a) - epoch_us(b)) / 86400000000) as bigint)"),
    ("sr_weeks_diff(a, b)", "cast(trunc((epoch_us(a) - epoch_us(b)) / 604800000000) as bigint)"),
    ("sr_months_diff(a, b)", "datesub('month', b, a)"),
    ("sr_quarters_diff(a, b)", "datesub('quarter', b, a)"),
    ("sr_years_diff(a, b)", "datesub('year', b, a)"),
    ("sr_datediff(a, b)", "cast(cast(a as date) - cast(b as date) as integer)"),
    ("sr_epoch(x)", "cast(floor(epoch(cast(x as timestamptz))) as bigint)"),
    ("sr_from_epoch(s)", "cast(to_timestamp(cast(s as double)) as timestamp)"),
    (
        "sr_ntz(n, scale)",
        "case scale when 0 then make_timestamp(cast(n as bigint) * 1000000)"
        " when 3 then make_timestamp(cast(n as bigint) * 1000) when 6 then make_timestamp(cast(n as bigint)) end",
    ),
    (
        "sr_to_datetime_ntz(n, scale)",
        "case when n < 0 or n > 253402243199 * power(10, scale) + power(10, scale) then null else sr_ntz(n, scale) end",
    ),
    ("sr_local(x)", "cast(x at time zone 'UTC' as timestamp)"),
    (
        "sr_zone(z)",
        "case when regexp_matches(z, '^[+-][0-9]{1,2}:00$') then 'Etc/GMT' || case left(z, 1) when '+' then '-'"
        " else '+' end || cast(cast(regexp_extract(z, '([0-9]+):', 1) as integer) as varchar)"
        " when upper(z) in ('CST', 'PRC') then 'Asia/Shanghai' else z end",
    ),
    ("sr_convert_tz(x, a, b)", "timezone(sr_zone(b), timezone(sr_zone(a), x))"),
    ("sr_dayofweek(x)", "cast(dayofweek(x) + 1 as integer)"),
    ("sr_weekday(x)", "cast(isodow(x) - 1 as integer)"),
    ("sr_last_day(x)", "last_day(x)"),
    (
        "sr_last_of(x, unit)",
        "case unit when 'month' then last_day(x)"
        " when 'quarter' then cast(date_trunc('quarter', x) + interval 3 month - interval 1 day as date)"
        " when 'year' then cast(date_trunc('year', x) + interval 1 year - interval 1 day as date) end",
    ),
    ("sr_to_days(x)", "cast(date_diff('day', date '0001-01-01', x) + 366 as integer)"),
    ("sr_from_days(n)", "cast(date '0001-01-01' + cast(n - 366 as integer) as date)"),
    ("sr_week0(x)", "cast(strftime(x, '%U') as integer)"),
    (
        "sr_slice(x, us)",
        "make_timestamp(cast(epoch_us(x) + 62135596800000000 as bigint) // us * us - 62135596800000000)",
    ),
    # text
    ("sr_length(t)", "cast(strlen(t) as integer)"),
    ("sr_char_length(t)", "cast(length(t) as integer)"),
    (
        "sr_substr(t, p, n)",
        "case when p = 0 or n <= 0 then '' when p < -length(t) then '' when p < 0"
        " then substr(t, length(t) + p + 1, n) else substr(t, p, n) end",
    ),
    ("sr_instr(t, s)", "cast(instr(t, s) as integer)"),
    (
        "sr_locate(s, t, p)",
        "cast(case when p < 1 then 0 when instr(substr(t, p), s) = 0 then 0"
        " else instr(substr(t, p), s) + p - 1 end as integer)",
    ),
    ("sr_left(t, n)", "case when n <= 0 then '' else left(t, n) end"),
    ("sr_right(t, n)", "case when n <= 0 then '' else right(t, n) end"),
    ("sr_lpad(t, n, p)", "case when n < 0 or (p = '' and n > length(t)) then null else lpad(t, n, p) end"),
    ("sr_rpad(t, n, p)", "case when n < 0 or (p = '' and n > length(t)) then null else rpad(t, n, p) end"),
    ("sr_repeat(t, n)", "case when n <= 0 then '' else repeat(t, n) end"),
    ("sr_split(t, d)", "case when d = '' then regexp_split_to_array(t, '') else str_split(t, d) end"),
    (
        "sr_split_part(t, d, n)",
        "case when n = 0 then null when abs(n) > len(str_split(t, d)) then null else str_split(t, d)[n] end",
    ),
    (
        "sr_substring_index(t, d, n)",
        "case when n = 0 then '' when n > 0 then array_to_string(str_split(t, d)[1:n], d)"
        " else array_to_string(str_split(t, d)[greatest(1, len(str_split(t, d)) + n + 1):], d) end",
    ),
    ("sr_strcmp(a, b)", "cast(case when a < b then -1 when a > b then 1 else 0 end as tinyint)"),
    ("sr_null_or_empty(t)", "t is null or t = ''"),
    ("sr_trim2(t, c)", "trim(t, c)"),
    ("sr_hex_number(n)", "upper(to_hex(cast(n as bigint)))"),
    ("sr_hex_text(t)", "upper(hex(encode(t)))"),
    (
        "sr_initcap(t)",
        "array_to_string(list_transform(regexp_extract_all(lower(t), '[[:alnum:]]+|[^[:alnum:]]+'),"
        " lambda w: upper(w[1]) || w[2:]), '')",
    ),
    ("sr_reverse(t)", "reverse(t)"),
    ("sr_regexp_extract(t, p, n)", "coalesce(regexp_extract(t, p, n), '')"),
    ("sr_regexp_replace(t, p, r)", "regexp_replace(t, p, r, 'g')"),
    ("sr_array_element(a, n)", "case when n = 0 then null else a[n] end"),
    # json
    ("sr_text_to_json(t)", "case when json_valid(t) then cast(t as json) else null end"),
    (
        "sr_json_to_text(j)",
        "case json_type(j) when 'VARCHAR' then json_extract_string(j, '$')"
        " when 'NULL' then 'null' else cast(j as varchar) end",
    ),
    (
        "sr_json_to_bigint(j)",
        "case json_type(j) when 'BOOLEAN' then cast(cast(json_extract_string(j, '$') as boolean)"
        " as bigint) when 'VARCHAR' then try_cast(json_extract_string(j, '$') as bigint)"
        " else try_cast(trunc(try_cast(json_extract_string(j, '$') as double)) as bigint) end",
    ),
    (
        "sr_json_to_boolean(j)",
        "case json_type(j) when 'BOOLEAN' then cast(json_extract_string(j, '$') as boolean)"
        " when 'VARCHAR' then sr_to_boolean(json_extract_string(j, '$'))"
        " else try_cast(json_extract_string(j, '$') as double) <> 0 end",
    ),
    (
        "sr_json_length(j)",
        "case json_type(j) when 'ARRAY' then json_array_length(j) when 'OBJECT' then len(json_keys(j)) else 1 end",
    ),
    (
        "sr_get_json_string(j, p)",
        "case json_type(json_extract(j, p)) when 'NULL' then null"
        " when 'VARCHAR' then json_extract_string(j, p) else cast(json_extract(j, p) as varchar) end",
    ),
    (
        "sr_get_json_int(j, p)",
        "coalesce(try_cast(sr_integer_text(json_extract_string(j, p)) as bigint),"
        " try_cast(trunc(try_cast(json_extract_string(j, p) as double)) as bigint))",
    ),
    ("sr_get_json_double(j, p)", "try_cast(json_extract_string(j, p) as double)"),
    ("sr_get_json_bool(j, p)", "sr_json_to_boolean(json_extract(j, p))"),
    ("sr_json_exists(j, p)", "json_exists(j, p)"),
)

MACROS: tuple[str, ...] = tuple(f"create or replace macro memory.main.{head} as ({body})" for head, body in _BODIES)
