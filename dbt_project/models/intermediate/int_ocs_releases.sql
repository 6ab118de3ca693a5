-- From when to when each OCS ran which release, and whether that release lets calls be matched.
with

batches as (

    select * from {{ ref('stg_batch') }}
    where source = 'ocs' and first_ts is not null

),

releases as (

    select * from {{ ref('enum_ocs_release') }}

),

compared as (

    select
        source_dbid as ocs_id,
        release,
        first_ts,
        lag(release) over (partition by source_dbid order by first_ts, batch_id) as previous_release
    from batches

),

changes as (

    select
        *,
        previous_release is null as is_first
    from compared
    where release is distinct from previous_release

),

final as (

    select
        changes.ocs_id,
        changes.release,
        coalesce(releases.bridges_calls, true) as bridges_calls,
        case when changes.is_first then '-infinity'::timestamptz else changes.first_ts end
            as from_ts,
        lead(changes.first_ts, 1, 'infinity'::timestamptz)
            over (partition by changes.ocs_id order by changes.first_ts) as till_ts
    from changes
    left join releases on starts_with(changes.release, releases.prefix)

)

select * from final
