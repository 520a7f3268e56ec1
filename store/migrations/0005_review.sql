-- Police review: people, devices that may send evidence, evidence, cases, decisions, audit.

-- What a speed was measured against; the law's bands are counted from it.
ALTER TABLE violation ADD COLUMN limit_kmh double precision;
CREATE INDEX violation_plate ON violation (plate_text) WHERE plate_text IS NOT NULL;

-- The console works as this role: it may add to the audit and read it, nothing more. Roles belong to
-- the whole server, so another database may have made it already, or an administrator.
DO $$
BEGIN
    IF to_regrole('ioc_console') IS NULL THEN
        BEGIN
            CREATE ROLE ioc_console NOLOGIN;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL; -- another migration, just now
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'role ioc_console is missing; as an administrator run: '
                    'CREATE ROLE ioc_console NOLOGIN; GRANT ioc_console TO %', quote_ident(current_user);
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'ioc_console', CASE
        WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    THEN
        BEGIN -- who has made a role is not yet one who may work as it (PostgreSQL 16)
            EXECUTE format('GRANT ioc_console TO %I', current_user);
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE EXCEPTION 'as an administrator run: GRANT ioc_console TO %',
                    quote_ident(current_user);
        END;
    END IF;
END
$$;

-- --- people ------------------------------------------------------------------------------------

CREATE TABLE person (
    id            uuid PRIMARY KEY,
    login         text NOT NULL UNIQUE CHECK (login ~ '^[a-z0-9][a-z0-9._@-]{1,63}$'),
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    unit          text NOT NULL DEFAULT '' CHECK (length(unit) <= 200),
    role          text NOT NULL
        CHECK (role IN ('operator', 'reviewer', 'supervisor', 'auditor', 'admin')),
    password_hash text,
    must_change   boolean NOT NULL DEFAULT false,
    oidc_subject  text UNIQUE,
    totp_secret   text,
    totp_step     bigint NOT NULL DEFAULT 0,
    failures      integer NOT NULL DEFAULT 0,
    locked_until  timestamptz,
    disabled      boolean NOT NULL DEFAULT false,
    language      text NOT NULL DEFAULT 'vi' CHECK (language IN ('vi', 'en')),
    theme         text NOT NULL DEFAULT 'auto' CHECK (theme IN ('auto', 'light', 'dark')),
    created       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN person.unit IS 'Where the person serves, as printed on a record';
COMMENT ON COLUMN person.password_hash IS 'argon2id; null for people who come by OpenID Connect';
COMMENT ON COLUMN person.totp_secret IS 'Sealed with the console''s key; null until it is set up';
COMMENT ON COLUMN person.totp_step IS 'Newest time step that was used: a code works once';
COMMENT ON COLUMN person.failures IS 'Failed log-ins in a row';

CREATE TABLE session (
    token      bytea PRIMARY KEY,
    person     uuid NOT NULL REFERENCES person ON DELETE CASCADE,
    csrf       text NOT NULL,
    factor     boolean NOT NULL,
    created    timestamptz NOT NULL DEFAULT now(),
    last_seen  timestamptz NOT NULL DEFAULT now(),
    expires    timestamptz NOT NULL,
    address    text NOT NULL
);
COMMENT ON COLUMN session.token IS 'SHA-256 of the cookie: who reads this table cannot log in';
COMMENT ON COLUMN session.factor IS 'Whether the second factor was given';
CREATE INDEX session_person ON session (person);
CREATE INDEX session_expires ON session (expires);

-- Programs: devices that send evidence, systems that fetch decided cases.
CREATE TABLE credential (
    id         uuid PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 120),
    token      bytea NOT NULL UNIQUE,
    scope      text NOT NULL CHECK (scope IN ('evidence', 'handover')),
    city       text,
    site       text,
    device     text,
    created    timestamptz NOT NULL DEFAULT now(),
    expires    timestamptz,
    revoked    timestamptz,
    CHECK (scope <> 'evidence' OR city IS NOT NULL)
);
COMMENT ON COLUMN credential.token IS 'SHA-256 of the bearer token';
COMMENT ON COLUMN credential.site IS 'Null: of the whole city; device null: of the whole site';

CREATE TABLE device_key (
    public     bytea PRIMARY KEY CHECK (length(public) = 32),
    key        text NOT NULL,
    city       text NOT NULL,
    site       text NOT NULL,
    device     text NOT NULL,
    enrolled   timestamptz NOT NULL DEFAULT now(),
    revoked    timestamptz,
    note       text NOT NULL DEFAULT ''
);
COMMENT ON TABLE device_key IS 'Public keys (Ed25519) that may sign for a device';
CREATE INDEX device_key_device ON device_key (city, site, device);

-- --- evidence ----------------------------------------------------------------------------------

CREATE TABLE evidence (
    sha256     text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    bytes      bigint NOT NULL CHECK (bytes > 0),
    media_type text NOT NULL CHECK (length(media_type) BETWEEN 3 AND 100),
    city       text NOT NULL,
    site       text NOT NULL,
    device     text NOT NULL,
    received   timestamptz NOT NULL DEFAULT now(),
    deleted    timestamptz
);
COMMENT ON TABLE evidence IS 'Files that are held whole, their digest checked; device: who sent it';
COMMENT ON COLUMN evidence.deleted IS 'When retention removed the bytes; the digest stays';

CREATE TABLE evidence_set (
    manifest   text PRIMARY KEY REFERENCES evidence,
    city       text NOT NULL,
    site       text NOT NULL,
    device     text NOT NULL,
    rule       text NOT NULL,
    act_time   timestamptz NOT NULL,
    key        text NOT NULL,
    fault      text,
    content    jsonb NOT NULL,
    checked    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE evidence_set IS 'Manifests that have arrived, read and checked';
COMMENT ON COLUMN evidence_set.fault IS 'Why its signature is not trusted; null when it is';

-- --- cases -------------------------------------------------------------------------------------

CREATE TABLE review_case (
    id           uuid PRIMARY KEY,
    number       bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    city         text NOT NULL,
    site         text NOT NULL,
    device       text NOT NULL,
    bootid       uuid NOT NULL,
    track        bigint NOT NULL,
    vehicle      text NOT NULL,
    rules        text[] NOT NULL,
    act_first    timestamptz NOT NULL,
    act_last     timestamptz NOT NULL,
    plate_read   text,
    plate_colour text,
    plate_fixed  text CHECK (length(plate_fixed) <= 16),
    deadline     timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN
        ('pending', 'second', 'blind', 'disputed', 'needs_more', 'confirmed', 'rejected')),
    round        integer NOT NULL DEFAULT 1,
    locked_by    uuid REFERENCES person,
    locked_until timestamptz,
    created      timestamptz NOT NULL DEFAULT now(),
    decided      timestamptz,
    hold         text,
    expunged     timestamptz
);
COMMENT ON TABLE review_case IS 'What one vehicle did in one go: what two people decide upon';
COMMENT ON COLUMN review_case.plate_read IS 'As a device read it; never changed';
COMMENT ON COLUMN review_case.plate_fixed IS 'As the last reviewer corrected it';
COMMENT ON COLUMN review_case.state IS 'second: one has confirmed; blind: one has rejected, and a '
    'second looks without knowing; disputed: the two disagree';
COMMENT ON COLUMN review_case.round IS 'Counts up when a case that needed more comes back';
COMMENT ON COLUMN review_case.hold IS 'Why retention must leave it (legal hold)';
COMMENT ON COLUMN review_case.expunged IS 'When retention removed plate and evidence';
CREATE INDEX review_case_queue ON review_case (deadline, id)
    WHERE state IN ('pending', 'second', 'blind');
CREATE INDEX review_case_state ON review_case (state, deadline);
CREATE INDEX review_case_device ON review_case (city, site, device, act_last);
CREATE INDEX review_case_plate ON review_case (coalesce(plate_fixed, plate_read))
    WHERE coalesce(plate_fixed, plate_read) IS NOT NULL;
CREATE INDEX review_case_decided ON review_case (decided) WHERE decided IS NOT NULL;
CREATE INDEX review_case_created ON review_case (created);

CREATE TABLE case_violation (
    violation       uuid PRIMARY KEY REFERENCES violation,
    case_id         uuid NOT NULL REFERENCES review_case,
    signature_fault text
);
COMMENT ON COLUMN case_violation.signature_fault IS 'Why the event''s signature is not trusted';
CREATE INDEX case_violation_case ON case_violation (case_id);

CREATE TABLE review_decision (
    id       uuid PRIMARY KEY,
    case_id  uuid NOT NULL REFERENCES review_case,
    round    integer NOT NULL,
    stage    text NOT NULL CHECK (stage IN ('first', 'second', 'blind', 'supervisor')),
    person   uuid NOT NULL REFERENCES person,
    verdict  text NOT NULL CHECK (verdict IN ('confirm', 'reject', 'more')),
    reason   text CHECK (reason IN ('wrong_plate', 'signal_wrong', 'priority_vehicle',
        'officer_signal', 'pushed_by_ambulance', 'unclear_image', 'not_a_violation', 'duplicate',
        'other')),
    note     text NOT NULL DEFAULT '' CHECK (length(note) <= 2000),
    plate    text CHECK (length(plate) <= 16),
    seconds  double precision,
    decided  timestamptz NOT NULL DEFAULT now(),
    CHECK ((verdict = 'reject') = (reason IS NOT NULL)),
    CHECK (reason <> 'other' OR length(trim(note)) > 0),
    CHECK (verdict <> 'more' OR length(trim(note)) > 0),
    UNIQUE (case_id, round, stage),
    UNIQUE (case_id, round, person)
);
COMMENT ON TABLE review_decision IS
    'Who said what; never changed but by retention. One person speaks once a round';
COMMENT ON COLUMN review_decision.plate IS 'The plate as this person saw it when deciding';
COMMENT ON COLUMN review_decision.seconds IS 'From opening the case to the decision';
CREATE INDEX review_decision_person ON review_decision (person, decided);

CREATE TABLE review_note (
    id      uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES review_case,
    person  uuid NOT NULL REFERENCES person,
    text    text NOT NULL CHECK (length(trim(text)) BETWEEN 1 AND 2000),
    written timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX review_note_case ON review_note (case_id);

-- The system proposes, the police decide: nothing is confirmed until two different people have said
-- so of the same round, whatever the program above believes.
CREATE FUNCTION review_case_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    people integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'pending' THEN
            RAISE EXCEPTION 'a case begins as pending' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state IN ('confirmed', 'rejected') AND NEW.state <> OLD.state THEN
        RAISE EXCEPTION 'case % is decided', OLD.number USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state IN ('confirmed', 'rejected') AND NEW.state <> OLD.state THEN
        SELECT count(DISTINCT person) INTO people FROM review_decision
        WHERE case_id = NEW.id AND round = NEW.round
          AND verdict = CASE NEW.state WHEN 'confirmed' THEN 'confirm' ELSE 'reject' END;
        IF people < (CASE NEW.state WHEN 'confirmed' THEN 2 ELSE 1 END) THEN
            RAISE EXCEPTION 'case % cannot be %: % said so', NEW.number, NEW.state, people
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER review_case_guard BEFORE INSERT OR UPDATE ON review_case
    FOR EACH ROW EXECUTE FUNCTION review_case_guard();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- What was said stays for ever; what names the vehicle goes when retention empties the case.
CREATE FUNCTION review_decision_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.plate IS NULL AND NEW.note IN (OLD.note, '(đã xóa)')
        AND (NEW.id, NEW.case_id, NEW.round, NEW.stage, NEW.person, NEW.verdict, NEW.reason,
             NEW.seconds, NEW.decided) IS NOT DISTINCT FROM
            (OLD.id, OLD.case_id, OLD.round, OLD.stage, OLD.person, OLD.verdict, OLD.reason,
             OLD.seconds, OLD.decided)
        AND EXISTS (SELECT 1 FROM review_case WHERE id = OLD.case_id AND expunged IS NOT NULL)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'rows of review_decision are never changed or removed'
        USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER review_decision_fixed BEFORE UPDATE OR DELETE ON review_decision
    FOR EACH ROW EXECUTE FUNCTION review_decision_guard();
CREATE TRIGGER review_decision_kept BEFORE TRUNCATE ON review_decision
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- --- audit -------------------------------------------------------------------------------------

CREATE TABLE audit (
    seq      bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    action   text NOT NULL,
    subject  text NOT NULL,
    record   text NOT NULL,
    previous bytea NOT NULL CHECK (length(previous) = 32),
    hash     bytea NOT NULL UNIQUE CHECK (length(hash) = 32)
);
COMMENT ON TABLE audit IS 'Who did what, when and why: added to by audit_append, never changed';
COMMENT ON COLUMN audit.record IS 'JSON; hash = SHA-256(previous || record in UTF-8)';
CREATE INDEX audit_subject ON audit (subject, seq);
CREATE INDEX audit_actor ON audit (actor, seq);
CREATE INDEX audit_at ON audit (at);
CREATE TRIGGER audit_fixed BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The end of the chain: one row, locked by whoever adds, so that the chain never forks.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint NOT NULL,
    hash bytea NOT NULL
);
INSERT INTO audit_head VALUES (true, 0, decode(repeat('00', 32), 'hex'));

CREATE FUNCTION audit_append(actor text, action text, subject text, detail jsonb)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head   audit_head;
    now_is timestamptz;
    line   text;
    digest bytea;
BEGIN
    SELECT * INTO head FROM audit_head FOR UPDATE;
    now_is := clock_timestamp(); -- after the wait: lines are in the order of their times
    line := jsonb_build_object(
        'seq', head.seq + 1,
        'at', to_char(now_is AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'actor', actor, 'action', action, 'subject', subject, 'detail', detail)::text;
    digest := sha256(head.hash || convert_to(line, 'UTF8'));
    INSERT INTO audit VALUES
        (head.seq + 1, now_is, actor, action, subject, line, head.hash, digest);
    UPDATE audit_head SET seq = head.seq + 1, hash = digest;
    RETURN head.seq + 1;
END
$$;
COMMENT ON FUNCTION audit_append IS
    'The only way to add to the audit. Call it last in a transaction: it holds the chain''s lock';

CREATE TABLE audit_root (
    day       date PRIMARY KEY,
    seq       bigint NOT NULL,
    hash      bytea NOT NULL,
    key       text NOT NULL,
    signature bytea NOT NULL CHECK (length(signature) = 64),
    signed    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE audit_root IS 'Last link of each day (Vietnam''s), signed by the console''s key';

-- --- hand-over ---------------------------------------------------------------------------------

CREATE TABLE case_export (
    id      uuid PRIMARY KEY,
    case_id uuid NOT NULL REFERENCES review_case,
    person  uuid REFERENCES person,
    why     text NOT NULL,
    sha256  text NOT NULL,
    bytes   bigint NOT NULL,
    made    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX case_export_case ON case_export (case_id);

CREATE TABLE webhook_delivery (
    id        uuid PRIMARY KEY,
    target    text NOT NULL,
    event     text NOT NULL,
    case_id   uuid NOT NULL REFERENCES review_case,
    body      text NOT NULL,
    created   timestamptz NOT NULL DEFAULT now(),
    attempts  integer NOT NULL DEFAULT 0,
    next_try  timestamptz NOT NULL DEFAULT now(),
    delivered timestamptz,
    abandoned timestamptz,
    error     text,
    UNIQUE (target, event, case_id)
);
CREATE INDEX webhook_delivery_due ON webhook_delivery (next_try)
    WHERE delivered IS NULL AND abandoned IS NULL;

-- --- what the console may do -------------------------------------------------------------------

GRANT USAGE ON SCHEMA public TO ioc_console;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO ioc_console;
GRANT INSERT, UPDATE ON person, session, credential, device_key, evidence, evidence_set,
    review_case, webhook_delivery TO ioc_console;
GRANT INSERT ON case_violation, review_decision, review_note, audit_root, case_export TO ioc_console;
GRANT UPDATE (signature_fault) ON case_violation TO ioc_console;
GRANT UPDATE (plate_text, plate_confidence) ON violation TO ioc_console; -- to empty them
GRANT UPDATE (plate, note) ON review_decision TO ioc_console;            -- the same
GRANT UPDATE (text) ON review_note TO ioc_console;
GRANT DELETE ON session TO ioc_console;
REVOKE ALL ON FUNCTION audit_append FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_append TO ioc_console;
