// What a table has to answer, by belief: the shadow of a table for the model test (reliability.md P10). It holds what was
// sent and answered in plain containers and decides each row from its arrival and the rules of architecture.md (Apply:
// exactly once) alone; it shares no code with the engine's decision. One thing it takes from the engine instead of guessing:
// which generations of ids were forgotten, and it refuses any that the rules keep.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/manifest.h"
#include "engine/table.h"

namespace tally::model {

// One row as a producer sends it. Everything else about it follows from id and content (model_rows.h).
struct Row {
  uint32_t id = 0;
  uint8_t content = 0;  // rows of one id and other content are a conflict
  TimeUs time_us = 0;
};

// The row's kind, on which its lateness class depends: so a conflict mostly is of another class than its event.
enum class Kind : uint8_t { kClick = 0, kConversion = 1, kPurchase = 2 };
inline Kind kind_of(const Row& row) { return static_cast<Kind>((row.id * 7 + row.content) % 3); }

// The rules of one table. A class takes the rows of `takes`, the first that fits; the last class takes what is left. SET
// LATENESS adds classes behind those before, whose ids stay what they are.
struct Rules {
  struct Class {
    TimeUs lateness_us = 0;
    bool takes[3] = {true, true, true};  // by Kind
  };
  TimeUs within_us = 0;
  TimeUs grace_us = 0;
  TimeUs retention_us = 0;  // of the last tier
  std::vector<Class> classes;
  std::vector<uint32_t> firsts = {0};  // the first class of each SET LATENESS

  uint32_t class_of(Kind kind) const;
  TimeUs remembered_us(uint32_t lateness_class) const;
};

// The order of rows does not matter to it, so that a table is compared with what is believed at the cost of one scan.
struct RowSum {
  uint64_t rows = 0;
  uint64_t low = 0, high = 0;
  void add(const Row& row, RowKind kind, TimeUs stored_us, TimeUs arrival_us, Lsn lsn);
  RowSum& operator+=(const RowSum& other);
  friend bool operator==(const RowSum&, const RowSum&) = default;
};

struct StoredBelief {
  Row row;  // as sent
  RowKind kind = RowKind::kEvent;
  TimeUs stored_us = 0;
  TimeUs arrival_us = 0;
  Lsn lsn = 0;
  friend auto operator<=>(const StoredBelief& a, const StoredBelief& b) {
    return std::tuple(a.lsn, a.row.id, a.row.content, a.kind, a.stored_us, a.arrival_us) <=>
           std::tuple(b.lsn, b.row.id, b.row.content, b.kind, b.stored_us, b.arrival_us);
  }
  friend bool operator==(const StoredBelief& a, const StoredBelief& b) { return (a <=> b) == 0; }
  std::string to_string() const;
};

struct Batch {
  TimeUs arrival_us = 0;
  bool replay = false;
  uint32_t rejected = 0;  // rows that the producer reports beside these
  std::vector<Row> rows;
};

struct Decision {
  std::vector<Verdict> verdicts;  // by row, as are the next two
  std::vector<TimeUs> stored_us;
  std::vector<uint32_t> classes;
  std::vector<bool> taken_back;  // the event was waited for by a retraction
  Ledger counts;
};

class Belief {
 public:
  explicit Belief(Rules rules) : rules_(std::move(rules)) {}
  const Rules& rules() const { return rules_; }

  void decide(const Batch& batch, Decision& out);
  // The wall clock is not believed, and would admit a row that the batch's arrival does not: it is told to come again.
  bool waits_for_clock(const Batch& batch, TimeUs wall_us) const;
  RowSum sum_of(const Batch& batch, const Decision& decision, Lsn lsn) const;
  // The batch is in the table, decided so. Says what is wrong if a row that was counted is counted again.
  std::string take(const Batch& batch, const Decision& decision, Lsn lsn);

  struct GenerationId {
    uint32_t lateness_class = 0;
    int64_t number = 0;  // arrival / third of what the class remembers
    friend auto operator<=>(const GenerationId&, const GenerationId&) = default;
  };
  // SET LATENESS: from here on rows are of these classes. What any class before forgets is forgotten for them too.
  void set_lateness(const std::vector<Rules::Class>& classes);

  // --- retractions ---
  // What a request is answered.
  RetractResult believe_retract(const std::vector<uint32_t>& ids) const;
  uint64_t fresh_retractions(const std::vector<uint32_t>& ids) const;  // ids on which no verdict ever came
  // The request is in the table. Where an id was counted more than once (a retry with another time, after it was forgotten),
  // either event may be the one: `chosen` says which stands in the table.
  std::string take_back(const std::vector<uint32_t>& ids, TimeUs arrival_us,
                        const std::function<std::optional<Row>(uint32_t id)>& chosen);
  uint64_t retractions() const { return retractions_; }
  // Ids that wait in generations without ids of their own, which an arrival of now may have ended.
  std::vector<uint32_t> waiting_alone(TimeUs arrival_us) const;
  GenerationId waits_in(uint32_t id) const { return generations_[waiting_generation_.at(id)].id; }

  // Generations of which the manifest has nothing left although it should by now.
  std::vector<GenerationId> missing_in(const ManifestState& manifest) const;
  // The last arrival that must still find the ids of a generation.
  TimeUs kept_until(const GenerationId& id) const;
  std::vector<TimeUs> kept_until() const;  // of every generation that is remembered
  // They were forgotten by a record that arrived at `arrival_us`. Says what is wrong if one of them was too young.
  std::string forget(const std::vector<GenerationId>& forgotten, TimeUs arrival_us);
  // Runs, horizons and reference time of a manifest against what is believed; empty if all is well.
  std::string compare(const ManifestState& manifest);
  // Of generations that could be forgotten at `arrival_us` whatever arrives later.
  bool all_forgotten_by(TimeUs arrival_us) const;

  const Ledger& ledger() const { return ledger_; }
  const RowSum& sum() const { return sum_; }
  const std::vector<StoredBelief>& stored() const { return stored_; }
  uint64_t remembered() const { return remembered_; }
  uint64_t forgotten() const { return forgotten_ids_; }
  TimeUs reference_us() const { return reference_us_; }
  // The newest forgotten event of a class and day; INT64_MIN if there is none.
  TimeUs horizon(uint32_t lateness_class, TimeUs event_us) const;
  const HorizonMap& horizons() const { return horizons_; }

 private:
  struct Generation {
    GenerationId id;
    uint64_t ids = 0;
    uint64_t in_runs = 0;                               // of those, as of the last manifest compared
    std::vector<std::pair<Lsn, uint64_t>> not_in_runs;  // by the batch that brought them
    TimeUs newest_arrival_us = INT64_MIN;
    std::map<int32_t, TimeUs> newest_by_day;
    uint64_t waiting = 0;  // retractions that wait for their event
    bool forgotten = false;
  };
  enum class Back : uint8_t { kNone, kWaiting, kRetracted, kNeverCame };
  // An event that was counted; of one id the newest first.
  struct Counted {
    Row row;
    uint32_t generation = 0;
    int32_t before = -1;
  };
  Verdict decide_row(const Row& row, const Batch& batch, uint32_t lateness_class) const;
  bool would_be_admitted(const Row& row, const Batch& batch, uint32_t lateness_class) const;
  const Counted* remembered(uint32_t id) const;
  uint32_t generation_for(uint32_t lateness_class, TimeUs arrival_us);
  std::string count_event(const Row& row, uint32_t lateness_class, TimeUs arrival_us, Lsn lsn);
  void settle(Generation& generation, Lsn flushed) const;
  Back back_of(uint32_t id) const { return id < back_.size() ? back_[id] : Back::kNone; }
  void set_back(uint32_t id, Back back);
  void end_waiting(uint32_t id, Back back);
  uint32_t longest_class() const;
  void store(const Row& row, RowKind kind, TimeUs stored_us, TimeUs arrival_us, Lsn lsn);

  void forget_up_to(uint32_t lateness_class, int32_t day, TimeUs event_us);

  Rules rules_;
  Ledger ledger_;
  RowSum sum_;
  TimeUs reference_us_ = 0;
  uint64_t remembered_ = 0, forgotten_ids_ = 0;
  std::vector<StoredBelief> stored_;
  std::vector<Counted> counted_;
  std::vector<int32_t> newest_counted_;  // by id: place in counted_, or -1
  std::vector<Generation> generations_;
  std::map<GenerationId, uint32_t> by_generation_;
  std::vector<std::pair<TimeUs, uint32_t>> last_generation_;  // by class: of this arrival
  HorizonMap horizons_;
  std::vector<Back> back_;                           // by id
  std::map<uint32_t, uint32_t> waiting_generation_;  // of the ids that wait
  uint64_t retractions_ = 0;
  // Scratch of decide(): ids that the batch has counted so far, stamped with its number.
  struct InBatch {
    uint64_t batch = 0;
    uint8_t content = 0;
  };
  std::vector<InBatch> in_batch_;
  uint64_t batches_ = 0;
};

std::string to_string(const Row& row);
bool same_counts(const Ledger& a, const Ledger& b);
std::string to_string(const Ledger& ledger);

}  // namespace tally::model
