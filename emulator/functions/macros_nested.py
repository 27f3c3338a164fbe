"""DuckDB macros for arrays, maps and JSON; `emulator.functions.macros` says how they are made."""

BODIES: tuple[tuple[str, str], ...] = (
    # arrays
    ("sr_array_element(a, n)", "case when n = 0 then null else a[n] end"),
    ("sr_map_element(m, k)", "map_extract_value(m, k)"),
    ("sr_has_null(a)", "len(list_filter(a, lambda e: e is null)) > 0"),
    (
        "sr_any(l)",
        "case when l is null then null when list_contains(l, true) then true when sr_has_null(l) then null"
        " else false end",
    ),
    (
        "sr_all(l)",
        "case when l is null then null when list_contains(l, false) then false when sr_has_null(l) then null"
        " else true end",
    ),
    (
        "sr_array_contains(a, x)",
        "case when a is null then null when x is null then sr_has_null(a) else list_contains(a, x) end",
    ),
    (
        "sr_array_position(a, x)",
        "cast(case when a is null then null when x is null"
        " then coalesce(list_position(list_transform(a, lambda e: e is null), true), 0)"
        " else coalesce(list_position(a, x), 0) end as integer)",
    ),
    ("sr_array_remove(a, x)", "list_filter(a, lambda e: e is distinct from x)"),
    (
        "sr_array_distinct(a)",
        "list_filter(a, lambda e, i: not sr_array_contains(a[1:i - 1], e))",
    ),
    ("sr_array_intersect(a, b)", "list_filter(sr_array_distinct(a), lambda e: sr_array_contains(b, e))"),
    (
        "sr_arrays_overlap(a, b)",
        "case when a is null or b is null then null"
        " else len(list_filter(a, lambda e: sr_array_contains(b, e))) > 0 end",
    ),
    (
        "sr_array_contains_all(a, b)",
        "case when a is null or b is null then null"
        " else len(list_filter(b, lambda e: not sr_array_contains(a, e))) = 0 end",
    ),
    (
        "sr_array_contains_seq(a, b)",
        "case when a is null or b is null then null when len(b) = 0 then true"
        " else len(list_filter(range(1, len(a) - len(b) + 2), lambda i: a[i:i + len(b) - 1] = b)) > 0 end",
    ),
    (
        "sr_array_slice(a, p, n)",
        "case when p = 0 or n <= 0 then a[1:0] when p < 0 then a[len(a) + p + 1:len(a) + p + least(n, 1000000000)]"
        " else a[p:greatest(p, 1) + least(n, 1000000000) - 1] end",
    ),
    (
        "sr_array_difference(a)",
        "list_transform(a, lambda e, i: case when i = 1 then e - e else e - a[i - 1] end)",
    ),
    ("sr_array_cum_sum(a)", "list_transform(a, lambda e, i: case when e is not null then list_sum(a[1:i]) end)"),
    ("sr_array_repeat(x, n)", "list_transform(range(0, greatest(n, 0)), lambda i: x)"),
    (
        "sr_array_generate(a, b, s)",
        "case when s = 0 then [] when s is null and a > b then generate_series(a, b, -1)"
        " else generate_series(a, b, coalesce(s, 1)) end",
    ),
    ("sr_array_top_n(a, n)", "list_sort(a, 'DESC', 'NULLS LAST')[1:greatest(n, 0)]"),
    (
        "sr_array_filter(a, b)",
        "list_filter(a, lambda e, i: coalesce(cast(b[i] as boolean), false))",
    ),
    ("sr_array_sortby(a, k)", "case when k is null then a else list_select(a, list_grade_up(k)) end"),
    ("sr_array_join(a, d, n)", "array_to_string(list_transform(a, lambda e: coalesce(e, n)), d)"),
    ("sr_unique_flat(l)", "sr_array_distinct(flatten(list_filter(l, lambda e: e is not null)))"),
    (
        "sr_map(k, v)",
        "case when len(list_distinct(k)) = len(k) then map(k, v)"
        " else map(list_filter(k, lambda e, i: not list_contains(k[i + 1:], e)),"
        " list_filter(v, lambda e, i: not list_contains(k[i + 1:], k[i]))) end",
    ),
    (
        "sr_first_key(l, e, i)",
        "struct_extract(e, 1) is not null"
        " and list_position(list_transform(l, lambda o: struct_extract(o, 1)), struct_extract(e, 1)) = i",
    ),
    (
        "sr_map_agg(l)",
        "map(list_transform(list_filter(l, lambda e, i: sr_first_key(l, e, i)), lambda e: struct_extract(e, 1)),"
        " list_transform(list_filter(l, lambda e, i: sr_first_key(l, e, i)), lambda e: struct_extract(e, 2)))",
    ),
    # json
    ("sr_text_to_json(t)", "case when json_valid(t) then cast(t as json) else null end"),
    (
        "sr_json_to_text(j)",
        "case json_type(j) when 'VARCHAR' then json_extract_string(j, '$')"
        " when 'NULL' then 'null' when 'OBJECT' then sr_json_print(cast(j as varchar))"
        " when 'ARRAY' then sr_json_print(cast(j as varchar)) else cast(j as varchar) end",
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
        "case json_type(j) when 'ARRAY' then json_array_length(j) when 'OBJECT' then len(json_keys(j))"
        " else case when j is null then 0 else 1 end end",
    ),
    (
        "sr_get_json_string(j, p)",
        "case json_type(json_extract(j, p)) when 'NULL' then null"
        " when 'VARCHAR' then json_extract_string(j, p) else sr_json_to_text(json_extract(j, p)) end",
    ),
    (
        "sr_get_json_int(j, p)",
        "case json_type(json_extract(j, p))"
        " when 'BOOLEAN' then cast(cast(json_extract_string(j, p) as boolean) as bigint)"
        " else coalesce(try_cast(sr_integer_text(json_extract_string(j, p)) as bigint),"
        " try_cast(trunc(try_cast(json_extract_string(j, p) as double)) as bigint)) end",
    ),
    (
        "sr_get_json_double(j, p)",
        "case json_type(json_extract(j, p))"
        " when 'BOOLEAN' then cast(cast(json_extract_string(j, p) as boolean) as double)"
        " else try_cast(json_extract_string(j, p) as double) end",
    ),
    ("sr_get_json_bool(j, p)", "sr_json_to_boolean(json_extract(j, p))"),
    ("sr_json_exists(j, p)", "json_exists(j, p)"),
    ("sr_json_value(t)", "case when json_valid(t) and t ^@ '{' then cast(t as json) else to_json(t) end"),
    ("sr_is_json_scalar(j)", "json_type(j) not in ('OBJECT', 'ARRAY')"),
    ("sr_json_arrow(j, p)", "case when json_type(json_extract(j, p)) <> 'NULL' then json_extract(j, p) end"),
    (
        "sr_json_each_keys(j)",
        "case json_type(j) when 'OBJECT' then list_sort(json_keys(j))"
        " when 'ARRAY' then list_transform(range(0, cast(json_array_length(j) as bigint)),"
        " lambda i: cast(i as varchar)) else [] end",
    ),
    (
        "sr_json_each_values(j)",
        "case json_type(j) when 'ARRAY' then cast(json_extract(j, '$[*]') as json[])"
        " when 'OBJECT' then list_transform(list_sort(json_keys(j)), lambda k: json_extract(j, '$.\"' || k || '\"'))"
        " else [] end",
    ),
)
