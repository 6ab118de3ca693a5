-- The chains of this run: those that ended on a day of the window, and all open ones.
with

chains as (

    select * from {{ ref('stg_chain') }}
    where {{ in_window('chain') }}

),

ended as (

    select * from chains
    where not is_open

),

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
        and {{ not_ended_before('fct_chain', 'chains', ['ocs_id', 'chain_guid'], 'chain') }}

),

final as (

    select * from ended
    union all
    select * from open_ones

)

select * from final
