"""Names of StarRocks' functions, to tell an unknown name from one that is not done here."""

KNOWN = frozenset(
    """
    _combine _if _merge _state _state_merge _state_union _union abs acos add add_months adddate aes_decrypt
    aes_encrypt ai_query alignment_timestamp all_match any_match any_value append_trailing_char_if_absent
    approx_cosine_similarity approx_count_distinct approx_count_distinct_hll_sketch approx_l2_distance
    approx_top_k array_agg array_agg_distinct array_append array_avg array_concat array_contains
    array_contains_all array_contains_seq array_cum_sum array_difference array_distinct array_filter
    array_flatten array_generate array_intersect array_join array_length array_map array_max array_min
    array_position array_remove array_repeat array_slice array_sort array_sort_lambda array_sortby array_sum
    array_to_bitmap array_top_n array_unique_agg arrays_overlap arrays_zip ascii asin assert_true atan atan2
    avg bar base64_decode_binary base64_decode_string base64_to_bitmap bin bit_shift_left bit_shift_right
    bit_shift_right_logical bitand bitmap_agg bitmap_and bitmap_andnot bitmap_contains bitmap_count
    bitmap_dict bitmap_empty bitmap_from_binary bitmap_from_string bitmap_has_any bitmap_hash bitmap_hash64
    bitmap_intersect bitmap_max bitmap_min bitmap_or bitmap_remove bitmap_subset_in_range bitmap_subset_limit
    bitmap_to_array bitmap_to_base64 bitmap_to_binary bitmap_to_string bitmap_union bitmap_union_count
    bitmap_union_int bitmap_xor bitnot bitor bitxor bool_or boolor_agg cardinality catalog cbrt ceil ceiling
    char char_length character_length coalesce column_compressed_size column_size concat concat_ws
    connection_id conv convert_tz corr cos cosh cosine_similarity cosine_similarity_norm cot count count_if
    covar_pop covar_samp crc32 crc32_hash cume_dist curdate current_date current_group current_role
    current_time current_timestamp current_timezone current_user current_version current_warehouse curtime
    database date date_add date_diff date_floor date_format date_slice date_sub date_trunc datediff day
    dayname dayofmonth dayofweek dayofweek_iso dayofyear days_add days_diff days_sub dceil default_value
    degrees degress dense_rank dexp dfloor dict_mapping dict_merge distinct_map_keys distinct_pc distinct_pcsa
    divide dlog1 dlog10 dpow dround ds_hll_accumulate ds_hll_combine ds_hll_count_distinct ds_hll_estimate
    ds_theta_count_distinct dsqrt e element_at encode_fingerprint_sha256 encode_row_id encode_sort_key
    ends_with equiwidth_bucket esquery exchange_bytes exchange_speed exp field find_in_set first_value
    first_value_rewrite flat_json_meta floor fmod format_bytes fpow from_base64 from_binary from_days
    from_unixtime from_unixtime_ms fused_multi_distinct_count fused_multi_distinct_count_avg
    fused_multi_distinct_count_sum fused_multi_distinct_count_sum_avg get_json_bool get_json_double
    get_json_int get_json_object get_json_scalar get_json_string get_query_profile get_variant_bool
    get_variant_date get_variant_datetime get_variant_double get_variant_int get_variant_string
    get_variant_time greatest group_concat grouping grouping_id hex hex_decode_binary hex_decode_string
    histogram histogram_hll_ndv hll_cardinality hll_deserialize hll_empty hll_hash hll_raw hll_raw_agg
    hll_serialize hll_union hll_union_agg host_name hour hour_from_unixtime hours_add hours_diff hours_sub
    http_request if ifnull ilike inet_aton initcap instr intersect_count is_json_scalar is_role_in_session
    isnotnull isnull jodatime_format json_array json_contains json_each json_exists json_keys json_length
    json_object json_pretty json_query json_remove json_set json_string l2_distance lag last_day last_query_id
    last_value lcase lead least left length like ln localtime localtimestamp locate log log10 log2 lower lpad
    ltrim makedate mann_whitney_u_test map map_agg map_apply map_concat map_entries map_filter map_from_arrays
    map_keys map_size map_values materialize max max_by max_by_v2 max_n md5 md5sum md5sum_numeric
    microseconds_add microseconds_sub milliseconds_add milliseconds_diff milliseconds_sub min min_by min_by_v2
    min_n minute minutes_add minutes_diff minutes_sub mod money_format month monthname months_add months_diff
    months_sub multi_distinct_count multi_distinct_sum multiply murmur_hash3_32 named_struct ndv negative
    next_day ngram_search ngram_search_case_insensitive now ntile null_or_empty nullif parse_json parse_url
    percent_rank percentile_approx percentile_approx_raw percentile_approx_weighted percentile_cont
    percentile_disc percentile_disc_lc percentile_empty percentile_hash percentile_union pi pmod positive pow
    power previous_day quarter quarters_add quarters_sub radians raise_error rand random rank regexp
    regexp_count regexp_extract regexp_extract_all regexp_position regexp_replace regexp_split repeat replace
    replace_old replace_value retention reverse right round row row_number rpad rtrim schema sec_to_time
    second seconds_add seconds_diff seconds_sub session_id session_number session_user sha2 sign sin sinh
    sleep sm3 space split split_part sqrt square st_astext st_aswkt st_circle st_contains st_distance_sphere
    st_geometryfromtext st_geomfromtext st_linefromtext st_linestringfromtext st_point st_polyfromtext
    st_polygon st_polygonfromtext st_x st_y starts_with std stddev stddev_pop stddev_samp str2date str_to_date
    str_to_jodatime str_to_map strcmp strftime string_agg strleft strpos strright struct sub_bitmap subdate
    substitute substr substring substring_index subtract sum sum_map tan tanh time_format time_slice
    time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_binary to_bitmap to_date
    to_datetime to_datetime_ntz to_days to_iso8601 to_json to_tera_date to_tera_timestamp tokenize transform
    transform_keys transform_values translate trim truncate ucase unhex unix_timestamp unnest unnest_bitmap
    upper url_decode url_encode url_extract_host url_extract_parameter user utc_time utc_timestamp uuid
    uuid_numeric uuid_v7 uuid_v7_numeric var_pop var_samp variance variance_pop variance_samp variant_query
    variant_typeof version week week_iso weekday weekofyear weeks_add weeks_diff weeks_sub window_funnel
    xx_hash3_128 xx_hash3_64 year years_add years_diff years_sub yearweek
    """.split()
)
