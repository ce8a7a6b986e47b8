BEGIN TRANSACTION;
CREATE TABLE actions (
	id INTEGER NOT NULL, 
	pipeline TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	deal_id TEXT NOT NULL, 
	cycle SMALLINT, 
	step TEXT, 
	change TEXT, 
	rule TEXT, 
	track TEXT, 
	payload TEXT NOT NULL, 
	"before" TEXT, 
	fingerprint TEXT, 
	remote_id TEXT, 
	state TEXT DEFAULT 'planned' NOT NULL, 
	attempts SMALLINT DEFAULT '0' NOT NULL, 
	payload_hash TEXT, 
	token INTEGER, 
	sent_at DATETIME, 
	settled_at DATETIME, 
	code TEXT, 
	reason TEXT, 
	field TEXT, 
	correlation TEXT, 
	undone_by TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "actions" VALUES(4294967297,'main','main:D1:1:first','create_task','D1',1,'first','+','lost','timing','{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}',NULL,'f','x-main:D1:1:first','done',1,'707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044',1,'2026-11-22 08:42:12.814908','2026-11-22 08:42:12.854964',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "actions" VALUES(4294967298,'main','main:D2:1:first','create_task','D2',1,'first','+','lost','timing','{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}',NULL,'f','x-main:D2:1:first','in_doubt',1,'707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044',1,'2026-11-22 08:42:12.814908','2026-11-22 08:42:12.875866',NULL,'no answer; it''s gone',NULL,NULL,NULL);
INSERT INTO "actions" VALUES(4294967299,'main','main:D3:1:first','create_task','D3',1,'first','+','lost','timing','{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}',NULL,'f','x-main:D3:1:first','failed',1,'707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044',1,'2026-11-22 08:42:12.814908','2026-11-22 08:42:12.906061','INVALID','owner "is-1" is inactive',NULL,NULL,NULL);
INSERT INTO "actions" VALUES(4294967300,'main','main:D4:1:first','create_task','D4',1,'first','+','lost','timing','{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}',NULL,'f',NULL,'planned',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "actions" VALUES(8589934593,'main','main:D5:1:first','create_task','D5',1,'first','+','lost','timing','{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}',NULL,'f','x-main:D5:1:first','done',1,'707e9ae00bc719cb365e973eef6fc729b0aebe5cc7024c4005e6cf0501687044',2,'2026-11-22 08:42:13.115531','2026-11-22 08:42:13.164317',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "actions" VALUES(8589934594,'main','main:D6:1:first','create_task','D6',1,'first','+','lost','timing','{"due_on": "2026-01-05", "channel": "phone", "owner": "is-1", "reason": "timing", "step": "first"}',NULL,'f',NULL,'planned',0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
CREATE TABLE cursors (
	pipeline TEXT NOT NULL, 
	connection TEXT NOT NULL, 
	table_name TEXT NOT NULL, 
	position TEXT NOT NULL, 
	run TEXT NOT NULL, 
	PRIMARY KEY (pipeline, connection, table_name)
)
 WITHOUT ROWID

;
INSERT INTO "cursors" VALUES('main','crm','deals','after:42','r1');
CREATE TABLE cycles (
	pipeline TEXT NOT NULL, 
	deal_id TEXT NOT NULL, 
	cycle SMALLINT NOT NULL, 
	track TEXT, 
	reason TEXT, 
	opened_on DATE NOT NULL, 
	opened_by TEXT NOT NULL, 
	ended_on DATE, 
	ended_why TEXT, 
	ended_by TEXT, 
	PRIMARY KEY (pipeline, deal_id, cycle)
)
 WITHOUT ROWID

;
INSERT INTO "cycles" VALUES('main','D1',1,'timing','timing','2026-01-01','r1','2026-01-06','track_done','r2');
INSERT INTO "cycles" VALUES('main','D5',1,'timing','timing','2026-01-01','r2',NULL,NULL,NULL);
CREATE TABLE dead_letters (
	run_no INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	stage TEXT NOT NULL, 
	table_name TEXT, 
	record_id TEXT, 
	line INTEGER, 
	column_name TEXT, 
	code TEXT, 
	PRIMARY KEY (run_no, position), 
	FOREIGN KEY(run_no) REFERENCES runs (run_no)
)
 WITHOUT ROWID

;
INSERT INTO "dead_letters" VALUES(1,0,'normalize','deals','失注-7',7,'closed','bad_date');
CREATE TABLE leases (
	pipeline TEXT NOT NULL, 
	token INTEGER NOT NULL, 
	holder TEXT, 
	machine TEXT, 
	expires_at DATETIME, 
	PRIMARY KEY (pipeline)
)
 WITHOUT ROWID

;
INSERT INTO "leases" VALUES('main',2,NULL,NULL,NULL);
CREATE TABLE packed (
	pipeline TEXT NOT NULL, 
	cycles BLOB NOT NULL, 
	touches BLOB NOT NULL, 
	PRIMARY KEY (pipeline)
);
CREATE TABLE receipts (
	action_id INTEGER NOT NULL, 
	attempt SMALLINT NOT NULL, 
	state TEXT NOT NULL, 
	at DATETIME NOT NULL, 
	token INTEGER NOT NULL, 
	remote_id TEXT, 
	proof TEXT, 
	code TEXT, 
	reason TEXT, 
	field TEXT, 
	correlation TEXT, 
	PRIMARY KEY (action_id, attempt, state), 
	FOREIGN KEY(action_id) REFERENCES actions (id)
)
 WITHOUT ROWID

;
INSERT INTO "receipts" VALUES(4294967297,1,'done','2026-11-22 08:42:12.854964',1,'x-main:D1:1:first','204',NULL,NULL,NULL,NULL);
INSERT INTO "receipts" VALUES(4294967298,1,'in_doubt','2026-11-22 08:42:12.875866',1,'x-main:D2:1:first',NULL,NULL,'no answer; it''s gone',NULL,NULL);
INSERT INTO "receipts" VALUES(4294967299,1,'failed','2026-11-22 08:42:12.906061',1,'x-main:D3:1:first',NULL,'INVALID','owner "is-1" is inactive',NULL,NULL);
INSERT INTO "receipts" VALUES(8589934593,1,'done','2026-11-22 08:42:13.164317',2,'x-main:D5:1:first','204',NULL,NULL,NULL,NULL);
CREATE TABLE runs (
	run_no INTEGER NOT NULL, 
	run TEXT NOT NULL, 
	pipeline TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	state TEXT NOT NULL, 
	as_of DATE, 
	policy_name TEXT, 
	policy_version TEXT, 
	policy_hash TEXT, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	of_run TEXT, 
	plan_sha256 TEXT NOT NULL, 
	flow_run TEXT, 
	planned INTEGER NOT NULL, 
	counts TEXT, 
	PRIMARY KEY (run_no), 
	UNIQUE (run)
);
INSERT INTO "runs" VALUES(1,'r1','main','apply','partial','2026-01-01','standard','1','0000000000000000','2026-01-01 00:00:00.000000','2026-11-22 08:42:12.934231',NULL,'p',NULL,4,'{"done":1,"failed":1,"in_doubt":1,"planned":1}');
INSERT INTO "runs" VALUES(2,'r2','main','apply','running','2026-01-01','standard','1','0000000000000000','2026-01-01 00:00:00.000000',NULL,NULL,'p',NULL,2,NULL);
CREATE TABLE touches (
	pipeline TEXT NOT NULL, 
	deal_id TEXT NOT NULL, 
	cycle SMALLINT NOT NULL, 
	"key" TEXT NOT NULL, 
	step TEXT, 
	due_on DATE, 
	channel TEXT, 
	owner TEXT, 
	made_on DATE NOT NULL, 
	PRIMARY KEY (pipeline, deal_id, cycle, "key")
)
 WITHOUT ROWID

;
INSERT INTO "touches" VALUES('main','D1',1,'main:D1:1:first','first','2026-01-05','phone','is-1','2026-01-01');
INSERT INTO "touches" VALUES('main','D5',1,'main:D5:1:first','first','2026-01-05','phone','is-1','2026-01-01');
CREATE INDEX actions_doubt ON actions (pipeline, deal_id) WHERE state IN ('sent', 'in_doubt');
CREATE UNIQUE INDEX actions_live ON actions (pipeline, "key") WHERE state IN ('sent', 'done', 'in_doubt') AND undone_by IS NULL;
CREATE INDEX runs_newest ON runs (pipeline, run_no);
COMMIT;
