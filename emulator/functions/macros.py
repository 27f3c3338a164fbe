"""DuckDB macros with StarRocks' semantics; each name starts with `sr_` so that it shadows nothing.

Macros are bound when they are made: one that uses another stands behind it. They live in the memory of the process. A
macro's text is put in place of the call: where calls nest deeply (sr_wrap) a parameter must be used only once.
"""

from emulator.functions.macros_nested import BODIES

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
    ("sr_number_text(t)", "case when ltrim(t, ' +-.') < ':' then trim(t) end"),
    ("sr_square(x)", "x * x"),
    ("sr_no_nan(x)", "case when isnan(x) then null else x end"),
    ("sr_ln(x)", "case when x > 0 then ln(x) end"),
    ("sr_log10(x)", "case when x > 0 then log10(x) end"),
    ("sr_log2(x)", "case when x > 0 then log2(x) end"),
    ("sr_log(b, x)", "case when b > 0 and x > 0 and b <> 1 then ln(x) / ln(b) end"),
    ("sr_sqrt(x)", "case when x >= 0 then sqrt(x) end"),
    ("sr_shift_left(x, n)", "sr_wrap(cast(cast(x as hugeint) * power(2::hugeint, n & 63) as hugeint))"),
    ("sr_shift_right(x, n)", "x >> n"),
    (
        "sr_shift_right_logical(x, n)",
        "sr_wrap(cast(case when x < 0 then x + 18446744073709551616 else x end as hugeint) >> cast(n & 63 as hugeint))",
    ),
    ("sr_uuid_numeric()", "cast(uuid() as uhugeint) // 2"),
    (
        "sr_equiwidth_bucket(x, a, b, n)",
        "cast(least(greatest(floor((x - a) / ((b - a) / n)), 0), n - 1) as bigint)",
    ),
    (
        "sr_format_bytes(n)",
        "case when n < 0 then null when n < 1024 then n || ' B' when n < 1048576 then printf('%.2f KB', n / 1024.0)"
        " when n < 1073741824 then printf('%.2f MB', n / 1048576.0)"
        " when n < 1099511627776 then printf('%.2f GB', n / 1073741824.0)"
        " when n < 1125899906842624 then printf('%.2f TB', n / 1099511627776.0)"
        " when n < 1152921504606846976 then printf('%.2f PB', n / 1125899906842624.0)"
        " else printf('%.2f EB', n / 1152921504606846976.0) end",
    ),
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
        "sr_normal_date(t)",  # separators of any kind; the date alone, or with a time behind a T or blanks
        "regexp_replace(regexp_replace(t,"
        " '^([0-9]{3,4})[^0-9]+([0-9]{1,2})[^0-9]+([0-9]{1,2})[^0-9]*$', '\\1-\\2-\\3'),"
        " '^([0-9]{3,4})[^0-9]+([0-9]{1,2})[^0-9]+([0-9]{1,2})[T[:space:]]+([0-9]{1,2})[^0-9]?([0-9]{1,2})"
        "[^0-9]?([0-9]{1,2})[0-9]*([.][0-9]{1,6})?.*$', '\\1-\\2-\\3 \\4:\\5:\\6\\7')",
    ),
    (
        "sr_normal_digits(t)",  # yyyymmdd and yymmdd, with hhmmss or without
        "regexp_replace(regexp_replace(regexp_replace(t,"
        " '^([0-9]{4})([0-9]{2})([0-9]{2})(?:T?([0-9]{2})([0-9]{2})([0-9]{2})[0-9]?([.][0-9]{1,6})?)?$',"
        " '\\1-\\2-\\3 \\4:\\5:\\6\\7'),"
        " '^([0-6][0-9])([0-9]{2})([0-9]{2})(?:T?([0-9]{2})([0-9]{2})([0-9]{2})([.][0-9]{1,6})?)?$',"
        " '20\\1-\\2-\\3 \\4:\\5:\\6\\7'),"
        " '^([7-9][0-9])([0-9]{2})([0-9]{2})(?:T?([0-9]{2})([0-9]{2})([0-9]{2})([.][0-9]{1,6})?)?$',"
        " '19\\1-\\2-\\3 \\4:\\5:\\6\\7')",
    ),
    (
        "sr_lenient_datetime(t)",
        "case when t >= '0' and t < ':' and not regexp_matches(t, '[ T]24:')"
        " then try_cast(regexp_replace(sr_normal_digits(sr_normal_date(t)), ' ::$', '') as timestamp) end",
    ),
    ("sr_trim_space(t)", "regexp_replace(t, '^[[:space:]]+|[[:space:]]+$', '', 'g')"),
    (
        "sr_to_datetime(t)",
        "coalesce(case when t >= '0' and t < ':' and not contains(t, '24:') and not contains(t, '+')"
        " then try_cast(t as timestamp) end, sr_lenient_datetime(sr_trim_space(t)))",
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
        "case when n < -62167219200 * power(10, scale) or n > 253402243199 * power(10, scale) + power(10, scale)"
        " then null else sr_ntz(n, scale) end",
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
        "sr_week1(x)",
        "cast(case when isoyear(x) < year(x) then 0 when isoyear(x) > year(x) then 53 else week(x) end as integer)",
    ),
    ("sr_sunday(x)", "cast(x as date) - cast(dayofweek(x) as integer)"),
    (
        "sr_yearweek0(x)",
        "cast(year(sr_sunday(x)) * 100 + (dayofyear(sr_sunday(x)) - 1) // 7 + 1 as integer)",
    ),
    ("sr_yearweek1(x)", "cast(isoyear(x) * 100 + week(x) as integer)"),
    ("sr_next_day(x, n)", "cast(x + cast((n - isodow(x) + 6) % 7 + 1 as integer) as date)"),
    ("sr_previous_day(x, n)", "cast(x - cast((isodow(x) - n + 6) % 7 + 1 as integer) as date)"),
    (
        "sr_slice(x, us, up)",
        "make_timestamp(cast((epoch_us(x) + 62135596800000000) // us * us - 62135596800000000 + us * up as bigint))",
    ),
    (
        "sr_slice_months(x, n, up)",
        "timestamp '0001-01-01' + to_months(cast(((year(x) - 1) * 12 + month(x) - 1) // n * n + n * up as integer))",
    ),
    (
        "sr_makedate(y, d)",
        "case when y between 0 and 9999 and d >= 1 and year(make_date(cast(y as integer), 1, 1)"
        " + cast(least(d, 400) - 1 as integer)) = y"
        " then make_date(cast(y as integer), 1, 1) + cast(d - 1 as integer) end",
    ),
    (
        "sr_time_to_sec(t)",
        "case when regexp_full_match(t, '-?[0-9]+:[0-5]?[0-9]:[0-5]?[0-9]') then"
        " (case when t ^@ '-' then -1 else 1 end) * (cast(split_part(ltrim(t, '-'), ':', 1) as bigint) * 3600"
        " + cast(split_part(t, ':', 2) as bigint) * 60 + cast(split_part(t, ':', 3) as bigint)) end",
    ),
    (
        "sr_sec_to_time(n)",
        "case when n < 0 then '-' else '' end || printf('%02d:%02d:%02d', least(abs(n), 3020399) // 3600,"
        " least(abs(n), 3020399) // 60 % 60, least(abs(n), 3020399) % 60)",
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
    (
        "sr_lpad(t, n, p)",
        "case when n < 0 then null when p = '' and n > length(t) then t"
        " else lpad(t, n, case when p = '' then ' ' else p end) end",
    ),
    (
        "sr_rpad(t, n, p)",
        "case when n < 0 then null when p = '' and n > length(t) then t"
        " else rpad(t, n, case when p = '' then ' ' else p end) end",
    ),
    ("sr_find_in_set(s, l)", "coalesce(cast(list_position(str_split(l, ','), s) as integer), 0)"),
    ("sr_append_trailing(t, c)", "case when length(c) <> 1 then null when ends_with(t, c) then t else t || c end"),
    (
        "sr_str_to_map(t, a, b)",
        "map_from_entries(list_transform(list_filter(str_split(t, a), lambda e, i: not list_contains("
        "list_transform(str_split(t, a)[i + 1:], lambda o: split_part(o, b, 1)), split_part(e, b, 1))),"
        " lambda e: row(split_part(e, b, 1), case when contains(e, b) then substr(e, instr(e, b) + length(b)) end)))",
    ),
    ("sr_bar(x, low, high, w)", "bar(x, low, high, w)"),
    (
        "sr_strpos(t, s, n)",
        "cast(case when s = '' or n = 0 or len(str_split(t, s)) <= abs(n) then 0"
        " when n > 0 then length(array_to_string(str_split(t, s)[1:n], s)) + 1"
        " else length(array_to_string(str_split(t, s)[1:len(str_split(t, s)) + n], s)) + 1 end as integer)",
    ),
    ("sr_url_part(t, p)", "nullif(regexp_extract(t, p, 1), '')"),
    (
        "sr_url_parameter(t, k)",
        "case when regexp_matches(t, '[?&]' || regexp_escape(k) || '=') then"
        " regexp_extract(t, '[?&]' || regexp_escape(k) || '=([^&#]*)', 1) end",
    ),
    ("sr_regexp_count(t, p)", "cast(len(regexp_extract_all(t, p)) as integer)"),
    (
        "sr_regexp_position(t, p, s, n)",
        "cast(case when s < 1 or n < 1 or len(regexp_extract_all(substr(t, s), p)) < n then -1"
        " else s + length(array_to_string(regexp_split_to_array(substr(t, s), p)[1:n], ''))"
        " + length(array_to_string(regexp_extract_all(substr(t, s), p)[1:n - 1], '')) end as integer)",
    ),
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
)

MACROS: tuple[str, ...] = tuple(
    f"create or replace macro memory.main.{head} as ({body})" for head, body in (*_BODIES, *BODIES)
)
