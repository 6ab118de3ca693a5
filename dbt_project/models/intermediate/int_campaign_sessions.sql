-- The campaign sessions of this run: those that ended on a day of the window, and all open ones.
{%- set built = adapter.get_relation(target.database, target.schema, 'fct_campaign_session') %}
with

sessions as (

    select * from {{ ref('stg_campaign_session') }}
    where {{ in_window('campaign') }}

),

ended as (

    select * from sessions
    where not is_open

),

{%- if built is not none %}

-- What earlier runs took as ended and this one leaves alone.
ended_before as (

    select session_id
    from {{ built }}
    where
        final_day is not null
        and final_day not in (
            select day from {{ ref('int_run_window') }} where entity = 'campaign'
        )

),

{%- endif %}

-- As with chains: a session that is open and final at once counts once, as ended.
open_ones as (

    select sessions.*
    from sessions
    where
        sessions.is_open
        and not exists (select 1 from ended where ended.session_id = sessions.session_id)
        {%- if built is not none %}
        and not exists (
            select 1 from ended_before where ended_before.session_id = sessions.session_id
        )
        {%- endif %}

),

final as (

    select * from ended
    union all
    select * from open_ones

)

select * from final
