-- What is this: health rows whose score or shares leave their range, or whose verdict has no score.
-- When does it matter: a share outside 0-1 means that a running sum went wrong, and every later week with it.
-- How to resolve: follow the student's changes in student_health_weekly from the first week that fails.
select
    class_id,
    student_id,
    week_ends_on,
    score,
    completion_share,
    grade_share,
    recency_share,
    timeliness_share
from {{ ref('student_health_weekly') }}
where
    score not between 0 and 100
    or completion_share not between 0 and 1
    or grade_share not between 0 and 1
    or recency_share not between 0 and 1
    or timeliness_share not between 0 and 1
    or (score is null and tier <> 'n_a')
