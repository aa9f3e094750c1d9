-- Row-level security in PostgreSQL: a mentor sees the students of the own nights and nobody else; leads
-- see all. Run it as the owner of the tables (the user of `publish`) or as a superuser, after the first publish, and
-- again after an upgrade: it can be repeated. With `publish_prefix` put the prefix before core and marts.
--
--   psql -v ON_ERROR_STOP=1 -f postgres-mentors.sql "postgresql://…"
--
-- Who is who: insert into school.mentor_logins values ('mei', 'mei@school.example');  grant mentors to mei;
begin;

do $$
begin
    if not exists (select from pg_roles where rolname = 'mentors') then create role mentors nologin; end if;
    if not exists (select from pg_roles where rolname = 'leads') then create role leads nologin; end if;
end $$;

create schema if not exists school;

-- Which login is which mentor, by the e-mail address of the mentors file.
create table if not exists school.mentor_logins (login name primary key, email text not null);

-- The nights of whoever asks. Mentors see this, and neither the logins nor the other mentors.
create or replace view school.my_nights with (security_barrier) as
select mentors.class_id, mentors.night_key
from core.mentors
join school.mentor_logins on lower(mentor_logins.email) = lower(mentors.email)
where mentor_logins.login = current_user;

grant usage on schema school, marts to mentors;
grant select on school.my_nights to mentors;
grant usage on schema core, marts to leads;
grant select on all tables in schema core, marts to leads;

-- Every mart that says whose night a row is of. Marts without one are not granted to mentors.
do $$
declare
    mart record;
begin
    for mart in
        select table_name as name
        from information_schema.columns
        where table_schema = 'marts' and column_name in ('class_id', 'night', 'mentor')
        group by table_name
        having count(*) = 3
    loop
        execute format('alter table marts.%I enable row level security', mart.name);
        execute format('drop policy if exists own_nights on marts.%I', mart.name);
        -- With the table's name before each column: else it would be the view's.
        execute format(
            'create policy own_nights on marts.%1$I for select to mentors using (exists (
                select from school.my_nights
                where my_nights.night_key = lower(%1$I.night)
                and (my_nights.class_id is null or my_nights.class_id = %1$I.class_id)
            ))',
            mart.name
        );
        execute format('drop policy if exists everybody on marts.%I', mart.name);
        execute format('create policy everybody on marts.%I for select to leads using (true)', mart.name);
        execute format('grant select on marts.%I to mentors', mart.name);
    end loop;
end $$;

commit;
