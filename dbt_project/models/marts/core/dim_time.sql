-- The 96 quarters of an hour of a day.
with

slots as (

    select slot_no
    from generate_series(0, 95) as numbers (slot_no)

),

final as (

    select
        slot_no as time_key,
        ('00:00'::time + slot_no * interval '15 minutes') as slot_start,
        slot_no / 4 as hour_no,
        (slot_no % 4) * 15 as minute_no,
        to_char('00:00'::time + slot_no * interval '15 minutes', 'HH24:MI') as slot_name
    from slots

    union all

    -- The unknown time.
    select
        -1,
        null,
        null,
        null,
        'Not known'

)

select * from final
