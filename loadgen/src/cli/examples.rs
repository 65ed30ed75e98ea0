//! What `--help` shows at its end, command by command.

pub(super) const ALL: &str = "Examples:
  loadgen --clients 500
  loadgen --clients 500 --assert 'chat.delivery.p99<50ms' --json=run.json --html run.html
  loadgen --scenario evening.json
  loadgen find-max --slo 'chat.delivery.p99<50ms,lost==0'
";

pub(super) const MIX: &str = "Examples:
  loadgen mix --clients 500 --rate 200 --info-rate 50
  loadgen mix --file-rate 5 --registry-rate 20 --stages 10s:100,30s:100,10s:0";

pub(super) const CHAT: &str = "Examples:
  loadgen chat --clients 1000 --rooms 1 --rate 150
  loadgen chat --clients 15500 --idle 96.8% --rate 100
  loadgen chat --idle 20% --churn 50%/min --slow-readers 1%
  loadgen chat --reconnect --duration 1m      (and kill chat meanwhile, and start it again)";

pub(super) const INFO: &str = "Examples:
  loadgen info --rate 5000
  loadgen info --stages 10s:1000,30s:20000 --arrival poisson --assert 'info.unanswered==0'";

pub(super) const FILE: &str = "Examples:
  loadgen file --rate 5 --size 1MiB
  loadgen file --size 64MiB --resumed 50% --assert 'file.failed==0'";

pub(super) const REGISTRY: &str = "Examples:
  loadgen registry --rate 100 --watchers 20 --assert 'registry.seen.p99<20ms'";

pub(super) const FIND_MAX: &str = "Examples:
  loadgen find-max --slo 'chat.delivery.p99<50ms,lost==0' --clients 500 --rooms 1
  loadgen find-max --slo 'info.query.p99<5ms,info.unanswered==0' --rate 0 --info-rate 1000 --within 10%";

pub(super) const COMPARE: &str = "Examples:
  loadgen compare before.json after.json --noise 10%";

pub(super) const MERGE: &str = "Examples:
  loadgen merge one.json two.json
  loadgen merge *.json --json=all.json";

pub(super) const EXIT_CODES: &str = "Exit codes: 0 held, 1 could not run, 2 usage, 3 an assertion failed, 4 the ledger \
is broken, 5 the run is invalid because the generator was the limit, 130 interrupted (and still reports).";
