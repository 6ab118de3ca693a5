-- The chains of this run: those that ended on a day of the window, and all open ones.
{%- set built = adapter.get_relation(target.database, target.schema, 'fct_chain') %}
with

chains as (

    select * from {{ ref('stg_chain') }}
    where {{ in_window('chain') }}

),

ended as (

    select * from chains
    where not is_open

),

{%- if built is not none %}

-- What earlier runs took as ended and this one leaves alone.
ended_before as (

    select
        ocs_id,
        chain_guid
    from {{ built }}
    where
        final_day is not null
        and final_day not in (select day from {{ ref('int_run_window') }} where entity = 'chain')

),

{%- endif %}

-- A chain that came back to life is open and still final until its day is finalized again; one
-- whose end was made up stays open in the IDB. Either counts once: as ended.
open_ones as (

    select chains.*
    from chains
    where
        chains.is_open
        and not exists (
            select 1 from ended
            where ended.ocs_id = chains.ocs_id and ended.chain_guid = chains.chain_guid
        )
        {%- if built is not none %}
        and not exists (
            select 1 from ended_before
            where
                ended_before.ocs_id = chains.ocs_id
                and ended_before.chain_guid = chains.chain_guid
        )
        {%- endif %}

),

final as (

    select * from ended
    union all
    select * from open_ones

)

select * from final
