"""The Prefect wrapper around the pipeline: the only room that imports prefect.

Each flow opens a project, calls the pipeline's steps as a few coarse tasks, and says in one sentence how it ended.
Nothing about correctness rests on Prefect: the ledger is what makes a second attempt write nothing twice.
"""

import os

from recyclekit import faultpoint

# Nothing calls home. Prefect reads these when it is imported, which every module of this room does; what is set stays.
for _name, _value in {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    # A temporary server makes its database the first time: on a busy machine that takes longer than Prefect's 20 s.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
}.items():
    os.environ.setdefault(_name, _value)

# A flow run's process begins here and not with the command line.
faultpoint.arm_from_environment()
