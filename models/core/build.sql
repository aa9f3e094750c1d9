select
    cast('{{ build_id() }}' as {{ dbt.type_string() }}) as id,
    cast('{{ build_time() }}' as timestamp) as built_at,
    cast(nullif('{{ build_version() }}', '') as {{ dbt.type_string() }}) as version,
    cast('{{ thresholds_in_force() }}' as {{ dbt.type_string() }}) as thresholds
