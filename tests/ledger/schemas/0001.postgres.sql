CREATE TABLE public.actions (
    id bigint NOT NULL,
    pipeline text NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    deal_id text NOT NULL,
    cycle smallint,
    step text,
    change text,
    rule text,
    track text,
    payload text NOT NULL,
    before text,
    fingerprint text,
    remote_id text,
    state text DEFAULT 'planned'::text NOT NULL,
    attempts smallint DEFAULT '0'::smallint NOT NULL,
    payload_hash text,
    token bigint,
    sent_at timestamp with time zone,
    settled_at timestamp with time zone,
    code text,
    reason text,
    field text,
    correlation text,
    undone_by text
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.cursors (
    pipeline text NOT NULL,
    connection text NOT NULL,
    table_name text NOT NULL,
    "position" text NOT NULL,
    run text NOT NULL
);
CREATE TABLE public.cycles (
    pipeline text NOT NULL,
    deal_id text NOT NULL,
    cycle smallint NOT NULL,
    track text,
    reason text,
    opened_on date NOT NULL,
    opened_by text NOT NULL,
    ended_on date,
    ended_why text,
    ended_by text
);
CREATE TABLE public.dead_letters (
    run_no integer NOT NULL,
    "position" integer NOT NULL,
    stage text NOT NULL,
    table_name text,
    record_id text,
    line bigint,
    column_name text,
    code text
);
CREATE TABLE public.leases (
    pipeline text NOT NULL,
    token bigint NOT NULL,
    holder text,
    machine text,
    expires_at timestamp with time zone
);
CREATE TABLE public.receipts (
    action_id bigint NOT NULL,
    attempt smallint NOT NULL,
    state text NOT NULL,
    at timestamp with time zone NOT NULL,
    token bigint NOT NULL,
    remote_id text,
    proof text,
    code text,
    reason text,
    field text,
    correlation text
);
CREATE TABLE public.runs (
    run_no integer NOT NULL,
    run text NOT NULL,
    pipeline text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    as_of date,
    policy_name text,
    policy_version text,
    policy_hash text,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    of_run text,
    plan_sha256 text NOT NULL,
    flow_run text,
    planned integer NOT NULL,
    counts text
);
CREATE SEQUENCE public.runs_run_no_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_run_no_seq OWNED BY public.runs.run_no;
CREATE TABLE public.touches (
    pipeline text NOT NULL,
    deal_id text NOT NULL,
    cycle smallint NOT NULL,
    key text NOT NULL,
    step text,
    due_on date,
    channel text,
    owner text,
    made_on date NOT NULL
);
ALTER TABLE ONLY public.runs ALTER COLUMN run_no SET DEFAULT nextval('public.runs_run_no_seq'::regclass);
INSERT INTO public.actions VALUES (4294967300, 'main', 'main:D4:1:first', 'create_task', 'D4', 1, 'first', '+', 'lost', 'timing', '{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}', NULL, 'f', NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.actions VALUES (4294967297, 'main', 'main:D1:1:first', 'create_task', 'D1', 1, 'first', '+', 'lost', 'timing', '{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}', NULL, 'f', 'x-main:D1:1:first', 'done', 1, '707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044', 1, '2026-11-22 08:41:53.608377+00', '2026-11-22 08:41:53.776122+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.actions VALUES (4294967298, 'main', 'main:D2:1:first', 'create_task', 'D2', 1, 'first', '+', 'lost', 'timing', '{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}', NULL, 'f', 'x-main:D2:1:first', 'in_doubt', 1, '707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044', 1, '2026-11-22 08:41:53.608377+00', '2026-11-22 08:41:53.991911+00', NULL, 'no answer; it''s gone', NULL, NULL, NULL);
INSERT INTO public.actions VALUES (4294967299, 'main', 'main:D3:1:first', 'create_task', 'D3', 1, 'first', '+', 'lost', 'timing', '{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}', NULL, 'f', 'x-main:D3:1:first', 'failed', 1, '707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044', 1, '2026-11-22 08:41:53.608377+00', '2026-11-22 08:41:54.019149+00', 'INVALID', 'owner "is-1" is inactive', NULL, NULL, NULL);
INSERT INTO public.actions VALUES (8589934594, 'main', 'main:D6:1:first', 'create_task', 'D6', 1, 'first', '+', 'lost', 'timing', '{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}', NULL, 'f', NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.actions VALUES (8589934593, 'main', 'main:D5:1:first', 'create_task', 'D5', 1, 'first', '+', 'lost', 'timing', '{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}', NULL, 'f', 'x-main:D5:1:first', 'done', 1, '707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044', 2, '2026-11-22 08:41:54.142059+00', '2026-11-22 08:41:54.191082+00', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.alembic_version VALUES ('0001');
INSERT INTO public.cursors VALUES ('main', 'crm', 'deals', 'after:42', 'r1');
INSERT INTO public.cycles VALUES ('main', 'D5', 1, 'timing', 'timing', '2026-01-01', 'r2', NULL, NULL, NULL);
INSERT INTO public.cycles VALUES ('main', 'D1', 1, 'timing', 'timing', '2026-01-01', 'r1', '2026-01-06', 'track_done', 'r2');
INSERT INTO public.dead_letters VALUES (1, 0, 'normalize', 'deals', '失注-7', 7, 'closed', 'bad_date');
INSERT INTO public.leases VALUES ('main', 2, NULL, NULL, NULL);
INSERT INTO public.receipts VALUES (4294967297, 1, 'done', '2026-11-22 08:41:53.776122+00', 1, 'x-main:D1:1:first', '204', NULL, NULL, NULL, NULL);
INSERT INTO public.receipts VALUES (4294967298, 1, 'in_doubt', '2026-11-22 08:41:53.991911+00', 1, 'x-main:D2:1:first', NULL, NULL, 'no answer; it''s gone', NULL, NULL);
INSERT INTO public.receipts VALUES (4294967299, 1, 'failed', '2026-11-22 08:41:54.019149+00', 1, 'x-main:D3:1:first', NULL, 'INVALID', 'owner "is-1" is inactive', NULL, NULL);
INSERT INTO public.receipts VALUES (8589934593, 1, 'done', '2026-11-22 08:41:54.191082+00', 2, 'x-main:D5:1:first', '204', NULL, NULL, NULL, NULL);
INSERT INTO public.runs VALUES (1, 'r1', 'main', 'apply', 'partial', '2026-01-01', 'standard', '1', '0000000000000000', '2026-01-01 00:00:00+00', '2026-11-22 08:41:54.041689+00', NULL, 'p', NULL, 4, '{"done":1,"failed":1,"in_doubt":1,"planned":1}');
INSERT INTO public.runs VALUES (2, 'r2', 'main', 'apply', 'running', '2026-01-01', 'standard', '1', '0000000000000000', '2026-01-01 00:00:00+00', NULL, NULL, 'p', NULL, 2, NULL);
INSERT INTO public.touches VALUES ('main', 'D1', 1, 'main:D1:1:first', 'first', '2026-01-05', 'phone', 'is-1', '2026-01-01');
INSERT INTO public.touches VALUES ('main', 'D5', 1, 'main:D5:1:first', 'first', '2026-01-05', 'phone', 'is-1', '2026-01-01');
SELECT pg_catalog.setval('public.runs_run_no_seq', 2, true);
ALTER TABLE ONLY public.actions
    ADD CONSTRAINT actions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.cursors
    ADD CONSTRAINT cursors_pkey PRIMARY KEY (pipeline, connection, table_name);
ALTER TABLE ONLY public.cycles
    ADD CONSTRAINT cycles_pkey PRIMARY KEY (pipeline, deal_id, cycle);
ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (run_no, "position");
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (pipeline);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_pkey PRIMARY KEY (action_id, attempt, state);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_no);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_run_key UNIQUE (run);
ALTER TABLE ONLY public.touches
    ADD CONSTRAINT touches_pkey PRIMARY KEY (pipeline, deal_id, cycle, key);
CREATE INDEX actions_doubt ON public.actions USING btree (pipeline, deal_id) WHERE (state = ANY (ARRAY['sent'::text, 'in_doubt'::text]));
CREATE UNIQUE INDEX actions_live ON public.actions USING btree (pipeline, key) WHERE ((state = ANY (ARRAY['sent'::text, 'done'::text, 'in_doubt'::text])) AND (undone_by IS NULL));
CREATE INDEX runs_newest ON public.runs USING btree (pipeline, run_no);
ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_run_no_fkey FOREIGN KEY (run_no) REFERENCES public.runs(run_no);
ALTER TABLE ONLY public.receipts
    ADD CONSTRAINT receipts_action_id_fkey FOREIGN KEY (action_id) REFERENCES public.actions(id);
