#include "server/metrics_text.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace tally {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

class Families {
 public:
  MetricFamily& add(const char* name, const char* help, MetricType type) {
    MetricFamily& family = families_.emplace_back();
    family.name = name;
    family.help = help;
    family.type = type;
    return family;
  }
  void counter(const char* name, const char* help, const Counter& counter) {
    sample(add(name, help, MetricType::Counter), {}, static_cast<double>(counter.value()));
  }
  void gauge(const char* name, const char* help, double value) {
    sample(add(name, help, MetricType::Gauge), {}, value);
  }
  void histogram(const char* name, const char* help, const DurationHistogram& histogram) {
    sample<DurationHistogram>(add(name, help, MetricType::Histogram), {}, histogram.read());
  }
  template <class Histogram>
  static void sample(MetricFamily& family, std::vector<ClientMetric::Label> labels,
                     const typename Histogram::Reading& reading) {
    ClientMetric metric;
    metric.label = std::move(labels);
    uint64_t cumulated = 0;
    for (size_t i = 0; i < reading.counts.size(); ++i) {
      cumulated += reading.counts[i];
      const bool last = i == Histogram::kBuckets;
      metric.histogram.bucket.push_back({cumulated, last ? std::numeric_limits<double>::infinity()
                                                         : static_cast<double>(Histogram::bound_us(i)) / 1e6});
    }
    metric.histogram.sample_count = reading.count;
    metric.histogram.sample_sum = static_cast<double>(reading.sum_us) / 1e6;
    family.metric.push_back(std::move(metric));
  }
  static void sample(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family.metric.push_back(std::move(metric));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  std::vector<MetricFamily> families_;
};

struct TableSeries {
  const char* name;
  const char* help;
  MetricType type;
  double (*value)(const TableReading& table);
};

constexpr TableSeries kTableSeries[] = {
    {"tally_log_written_bytes_total", "Bytes written to the table's log", MetricType::Counter,
     [](const TableReading& t) { return static_cast<double>(t.stats.log.bytes_written); }},
    {"tally_log_records_total", "Records written to the table's log", MetricType::Counter,
     [](const TableReading& t) { return static_cast<double>(t.stats.log.records); }},
    {"tally_log_syncs_total", "Syncs of the table's log", MetricType::Counter,
     [](const TableReading& t) { return static_cast<double>(t.stats.log.syncs); }},
    {"tally_log_slow_syncs_total", "Syncs that took more than a second", MetricType::Counter,
     [](const TableReading& t) { return static_cast<double>(t.stats.log.slow_syncs); }},
    {"tally_memtable_rows", "Rows in memory that no segment has yet", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.stats.memtable_rows); }},
    {"tally_memtable_bytes", "Bytes of those rows", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.stats.memtable_bytes); }},
    {"tally_remembered_ids", "Ids that tell a retry from a new event", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.stats.remembered_ids); }},
    {"tally_segments", "Live segments", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.stats.segments); }},
    {"tally_segment_bytes", "Bytes of live segments", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.stats.segment_bytes); }},
    {"tally_fold_debt_rows", "Rows of raw segments that the rollup furthest behind has not folded", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.fold_debt_rows); }},
    {"tally_clock_state", "Of the wall clock: 0 believed, 1 proving, 2 ahead, 3 behind (tally clock show)",
     MetricType::Gauge, [](const TableReading& t) { return static_cast<double>(t.condition.clock.state); }},
    {"tally_clock_gained_seconds", "What the wall clock has gained on CLOCK_BOOTTIME since it was last believed",
     MetricType::Gauge, [](const TableReading& t) { return static_cast<double>(t.condition.clock.gained_us) / 1e6; }},
    {"tally_space_level", "Of the disk: 0 room, 1 below the soft mark, 2 below the hard mark: no batches",
     MetricType::Gauge, [](const TableReading& t) { return static_cast<double>(t.condition.space.level); }},
    {"tally_free_bytes", "Free on the disk of the database", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.condition.space.free_bytes); }},
    {"tally_retention_held", "Days that retention would drop, and waits for a word (tally clock confirm)",
     MetricType::Gauge, [](const TableReading& t) { return static_cast<double>(t.condition.background.held_days); }},
    {"tally_orphan_files", "Files that no manifest names, set aside at a start", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.condition.orphans.files); }},
    {"tally_orphan_bytes", "Bytes of those files", MetricType::Gauge,
     [](const TableReading& t) { return static_cast<double>(t.condition.orphans.bytes); }},
    {"tally_flushes_total", "Flushes since the server started", MetricType::Counter,
     [](const TableReading& t) { return static_cast<double>(t.stats.flushes); }},
};

// By kind of file: what write amplification is made of.
void add_written(Families& families, const std::vector<TableReading>& tables) {
  MetricFamily& written =
      families.add("tally_written_bytes_total", "Bytes written, by kind of file", MetricType::Counter);
  for (const TableReading& table : tables) {
    const auto sample = [&](std::string_view kind, uint64_t bytes) {
      Families::sample(written, {{"table", table.name}, {"kind", std::string(kind)}}, static_cast<double>(bytes));
    };
    sample("log", table.stats.log.bytes_written);
    for (size_t kind = 0; kind < kWrittenKinds; ++kind) {
      sample(written_kind_name(static_cast<WrittenKind>(kind)), table.writes.written[kind]);
    }
  }
}

void add_stages(Families& families, const std::vector<TableReading>& tables) {
  MetricFamily& stages =
      families.add("tally_ingest_stage_seconds", "Time of a batch in each stage of its way, up to being durable",
                   MetricType::Histogram);
  for (const TableReading& table : tables) {
    for (const WriteStage stage : {WriteStage::kPrepare, WriteStage::kOrder, WriteStage::kLog}) {
      Families::sample<DurationHistogram>(stages,
                                          {{"table", table.name}, {"stage", std::string(write_stage_name(stage))}},
                                          table.writes.stages[static_cast<size_t>(stage)]);
    }
  }
}

void add_visibility(Families& families, const std::vector<TableReading>& tables) {
  MetricFamily& visible = families.add("tally_visible_latency_seconds",
                                       "From a batch being durable to every query showing it, right before its result",
                                       MetricType::Histogram);
  for (const TableReading& table : tables) {
    Families::sample<DurationHistogram>(visible, {{"table", table.name}},
                                        table.writes.stages[static_cast<size_t>(WriteStage::kDecide)]);
  }
  MetricFamily& ages =
      families.add("tally_event_visible_latency_seconds",
                   "From the time of an accepted live event to every query showing it", MetricType::Histogram);
  for (const TableReading& table : tables) {
    Families::sample<AgeHistogram>(ages, {{"table", table.name}}, table.writes.event_age);
  }
}

void add_tables(Families& families, const std::vector<TableReading>& tables) {
  MetricFamily& events =
      families.add("tally_events_total", "Events received, by what became of them", MetricType::Counter);
  for (const TableReading& table : tables) {
    const Ledger& ledger = table.stats.ledger;
    const std::pair<const char*, uint64_t> outcomes[] = {{"accepted", ledger.accepted},
                                                         {"duplicate", ledger.duplicates},
                                                         {"conflict", ledger.conflicts},
                                                         {"too_late", ledger.too_late},
                                                         {"rejected", ledger.rejected}};
    for (auto [outcome, count] : outcomes) {
      Families::sample(events, {{"table", table.name}, {"outcome", outcome}}, static_cast<double>(count));
    }
  }
  add_written(families, tables);
  add_stages(families, tables);
  add_visibility(families, tables);
  for (const TableSeries& series : kTableSeries) {
    MetricFamily& family = families.add(series.name, series.help, series.type);
    for (const TableReading& table : tables) {
      Families::sample(family, {{"table", table.name}}, series.value(table));
    }
  }
}

}  // namespace

std::string metrics_text(const ServerMetrics& metrics, const std::vector<TableReading>& tables, bool ready) {
  Families families;
  families.gauge("tally_ready", "1 when the log is replayed, connections are taken and every table takes batches",
                 ready ? 1 : 0);
  families.gauge("tally_connections", "Open connections of the TCP protocol",
                 static_cast<double>(metrics.connections.value()));
  families.counter("tally_connections_accepted_total", "Connections taken", metrics.connections_accepted);
  families.counter("tally_connections_refused_total", "Connections refused because there were too many",
                   metrics.connections_refused);
  families.counter("tally_connections_failed_total", "Connections ended for what the client did, or did not do",
                   metrics.connections_failed);
  families.counter("tally_batches_received_total", "Batches read whole", metrics.batches_received);
  families.counter("tally_batches_answered_total", "Batches answered with a result", metrics.batches_answered);
  families.counter("tally_batches_refused_total", "Batches answered with an error", metrics.batches_refused);
  families.counter("tally_batch_bytes_total", "Bytes of batches read", metrics.batch_bytes);
  families.gauge("tally_ingest_bytes", "Bytes of batches received and not answered",
                 static_cast<double>(metrics.ingest_bytes.value()));
  families.counter("tally_ingest_waits_total", "Batches that waited for room in memory before they were read",
                   metrics.ingest_waits);
  families.histogram("tally_acknowledgement_seconds", "From a batch's last byte to its result",
                     metrics.acknowledgement);
  families.counter("tally_queries_total", "Statements taken, to be run or to wait", metrics.queries);
  families.counter("tally_queries_refused_total", "Statements answered busy", metrics.queries_refused);
  families.counter("tally_queries_failed_total", "Statements that ended with an error", metrics.queries_failed);
  families.counter("tally_queries_cancelled_total", "Statements whose client did not want them any more",
                   metrics.queries_cancelled);
  families.gauge("tally_queries_running", "Statements that run now",
                 static_cast<double>(metrics.queries_running.value()));
  families.histogram("tally_query_seconds",
                     "From a statement's start to the end of its answer, without waiting for its client",
                     metrics.query);
  add_tables(families, tables);
  return families.text();
}

}  // namespace tally
