-- What the flights example must make of the data, said a second time in plain SQL by hand.
-- Needs the macro-free tables flights, airports, airlines, planes with every column as text.

CREATE VIEW judged AS
SELECT
    row_number() OVER () AS file_row,
    flights.*,
    dep_time = 'NA' AS has_no_departure,
    dep_time = '2400' AS has_impossible_departure,
    dest NOT IN (SELECT faa FROM airports) AS has_unknown_destination
FROM flights;

CREATE VIEW v1_mapped AS
SELECT
    carrier || flight || '-' || time_hour || '-' || origin AS flight_id,
    airlines.name AS airline,
    make_timestamp(
        CAST(year AS BIGINT), CAST(month AS BIGINT), CAST(day AS BIGINT),
        CAST(dep_time AS BIGINT) // 100, CAST(dep_time AS BIGINT) % 100, 0.0
    ) AS departed_at,
    CAST(dep_delay AS BIGINT) AS delay_minutes,
    airports.name AS destination
FROM judged
JOIN airlines USING (carrier)
JOIN airports ON airports.faa = judged.dest
WHERE NOT has_no_departure AND NOT has_impossible_departure;

CREATE VIEW v1_rejects AS
SELECT file_row FROM judged
WHERE has_no_departure OR has_impossible_departure OR has_unknown_destination;

-- The clock of the data is that of the scheduled day, so a departure after midnight reads a day early;
-- where the clock went back past the schedule and the flight was not early, the day was the next one.
CREATE VIEW v2_mapped AS
WITH clocked AS (
    SELECT
        *,
        CAST(nullif(dep_time, 'NA') AS BIGINT) AS clock,
        CAST(nullif(dep_delay, 'NA') AS BIGINT) AS delay,
        CAST(sched_dep_time AS BIGINT) AS scheduled,
        make_date(CAST(year AS BIGINT), CAST(month AS BIGINT), CAST(day AS BIGINT)) AS on_day
    FROM judged
)
SELECT
    carrier || flight || '-' || time_hour || '-' || origin AS flight_id,
    airlines.name AS airline,
    has_no_departure AS cancelled,
    CAST(on_day AS TIMESTAMP)
        + to_hours(clock // 100) + to_minutes(clock % 100)
        + CASE
            WHEN clock <> 2400 AND clock < scheduled AND delay > 0 THEN INTERVAL 1 DAY
            WHEN clock > scheduled AND delay < 0 THEN INTERVAL '-1' DAY
            ELSE INTERVAL 0 DAY
          END AS departed_at,
    delay AS delay_minutes,
    airports.name AS destination,
    planes.manufacturer || ' ' || planes.model AS aircraft
FROM clocked
JOIN airlines USING (carrier)
JOIN airports ON airports.faa = clocked.dest
LEFT JOIN planes USING (tailnum);

CREATE VIEW v2_rejects AS
SELECT file_row FROM judged WHERE has_unknown_destination;
