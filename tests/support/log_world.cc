#include "tests/support/log_world.h"

#include <algorithm>

#include "base/checksum.h"

namespace tally {
namespace {

Bytes content(uint64_t seed, size_t size) {
  Bytes bytes(size);
  Random(seed).fill(bytes);
  return bytes;
}

uint64_t digest(RecordType type, TimeUs arrival_us, TimeUs reference_us, ByteSpan meta, ByteSpan payload) {
  Bytes head;
  ByteWriter writer(head);
  writer.u8(static_cast<uint8_t>(type));
  writer.i64(arrival_us);
  writer.i64(reference_us);
  writer.u64(xxh3(meta));
  writer.u64(xxh3(payload));
  return xxh3(head);
}

bool same(const LogRecovery& a, const LogRecovery& b) {
  return a.last_lsn == b.last_lsn && a.highest_lsn_seen == b.highest_lsn_seen && a.highest_file == b.highest_file &&
         a.last_arrival_us == b.last_arrival_us && a.clean == b.clean && a.records == b.records && a.bytes == b.bytes &&
         a.torn.has_value() == b.torn.has_value();
}

std::string lsn(Lsn value) { return "LSN " + std::to_string(value); }

}  // namespace

Bytes SentRecord::meta() const { return content(content_seed ^ 1, meta_bytes); }
Bytes SentRecord::payload() const { return content(content_seed, payload_bytes); }

uint64_t digest_of(const SentRecord& record) {
  return digest(record.type, record.arrival_us, record.reference_us, record.meta(), record.payload());
}
uint64_t digest_of(const RecordView& record) {
  return digest(record.type, record.arrival_us, record.reference_us, record.meta, record.payload);
}

// --- oracle ----------------------------------------------------------------------------------------------------------

void LogOracle::fail_with(std::string what) {
  if (failure_.empty()) failure_ = std::move(what);
}

void LogOracle::will_append(Lsn first, const std::vector<SentRecord>& records) {
  for (size_t i = 0; i < records.size(); ++i) sent_[first + i] = records[i];
  group_ends_.insert(first + records.size() - 1);
}

void LogOracle::not_appended(Lsn first) {
  sent_.erase(sent_.lower_bound(first), sent_.end());
  group_ends_.erase(group_ends_.lower_bound(first), group_ends_.end());
}

void LogOracle::acknowledged(Lsn durable_lsn) {
  if (durable_lsn < acked_) fail_with("durable LSN went back from " + lsn(acked_) + " to " + lsn(durable_lsn));
  if (durable_lsn > last_sent_lsn()) fail_with("durable " + lsn(durable_lsn) + " was never sent");
  acked_ = durable_lsn;
}

void LogOracle::closed() {
  if (acked_ != last_sent_lsn()) fail_with("closed at " + lsn(acked_) + ", sent was " + lsn(last_sent_lsn()));
  closed_ = true;
}

void LogOracle::flushed(Lsn through, uint64_t first_file) {
  position = {.flushed_lsn = std::max(position.flushed_lsn, through), .synced_lsn = acked_, .first_file = first_file};
}

void LogOracle::check_contents(const std::map<Lsn, uint64_t>& visited, Lsn last_lsn) {
  auto found = visited.begin();
  for (auto it = sent_.upper_bound(position.flushed_lsn); it != sent_.end() && it->first <= last_lsn; ++it) {
    if (it->second.type == RecordType::kSeal) continue;
    if (found == visited.end() || found->first != it->first) return fail_with(lsn(it->first) + " is a hole");
    if (found->second != digest_of(it->second)) return fail_with(lsn(it->first) + " has other bytes than were sent");
    ++found;
  }
  if (found != visited.end()) fail_with(lsn(found->first) + " was visited but should not be there");
}

void LogOracle::check_recovery(const std::map<Lsn, uint64_t>& visited, const LogRecovery& recovery) {
  Lsn last = recovery.last_lsn;
  if (last < std::max(acked_, position.flushed_lsn))
    fail_with("recovery ends at " + lsn(last) + ", acknowledged was " + lsn(acked_));
  if (last > std::max(last_sent_lsn(), position.flushed_lsn))
    fail_with("recovery ends at " + lsn(last) + ", which was never sent");
  if (last > std::max(base_, position.flushed_lsn) && !group_ends_.contains(last))
    fail_with(lsn(last) + " is the middle of a group");
  if (recovery.highest_lsn_seen < last) fail_with("the highest LSN seen is below the last one");
  if (recovery.clean && !closing_) fail_with("the log is called clean but was never closed");
  if (closed_ && !recovery.clean) fail_with("the log was closed but is not called clean");
  if (closed_ && recovery.torn) fail_with("a closed log is called torn");
  check_contents(visited, last);
  acked_ = std::max(acked_, last);
  not_appended(last + 1);
}

void LogOracle::restarting(const LogRecovery& recovery, Lsn first_lsn, bool flushed_to_first) {
  Lsn flushed = flushed_to_first ? first_lsn - 1 : std::max(recovery.last_lsn, position.flushed_lsn);
  position = {.flushed_lsn = flushed, .synced_lsn = flushed, .first_file = recovery.highest_file + 1};
  sent_.clear();
  group_ends_.clear();
  base_ = first_lsn - 1;
  acked_ = flushed;
  closed_ = false;
}

// --- world -----------------------------------------------------------------------------------------------------------

LogWorld::LogWorld(FileSystem& fs, ManualClock& clock, LogOracle& oracle, LogWorldOptions options)
    : fs_(fs), clock_(clock), oracle_(oracle), options_(std::move(options)), random_(options_.seed) {}

LogOptions LogWorld::log_options() const {
  LogOptions options;
  options.fs = &fs_;
  options.clock = &clock_;
  options.directory = options_.directory;
  options.file_bytes = options_.file_bytes;
  options.table_uuid.fill(0x7A);
  options.epoch_seed = options_.seed;
  return options;
}

Result<LogRecovery> LogWorld::recover_once(std::map<Lsn, uint64_t>& visited) {
  Lsn previous = 0;
  return recover_log(log_options(), oracle_.position, [&](const RecordView& record) -> Status {
    if (record.lsn <= previous) oracle_.fail_with(lsn(record.lsn) + " was visited after " + lsn(previous));
    previous = record.lsn;
    visited[record.lsn] = digest_of(record);
    return {};
  });
}

Status LogWorld::recover() {
  std::map<Lsn, uint64_t> first_visited, second_visited;
  TALLY_ASSIGN_OR_RETURN(recovery_, recover_once(first_visited));
  TALLY_ASSIGN_OR_RETURN(LogRecovery second, recover_once(second_visited));
  if (!same(recovery_, second) || first_visited != second_visited) oracle_.fail_with("two recoveries disagree");
  oracle_.check_recovery(first_visited, recovery_);
  return {};
}

Status LogWorld::start() {
  Lsn first_lsn = std::max(recovery_.highest_lsn_seen, oracle_.position.flushed_lsn) + 1;
  if (recovery_.highest_file > 0 && random_.chance(0.2)) first_lsn += random_.below(5);  // a gap of our choice
  oracle_.restarting(recovery_, first_lsn, random_.chance(0.5));
  TALLY_ASSIGN_OR_RETURN(log_, start_log(log_options(), first_lsn, recovery_));
  oracle_.started();
  durable_seen_ = first_lsn - 1;
  if (log_->durable_lsn() != first_lsn - 1 || log_->next_lsn() != first_lsn)
    oracle_.fail_with("a new log starts elsewhere");
  return {};
}

SentRecord LogWorld::random_record() {
  SentRecord record;
  record.type = static_cast<RecordType>(random_.between(1, 9));
  record.arrival_us = clock_.wall_us();
  record.reference_us = clock_.wall_us() - 5;
  record.meta_bytes = static_cast<uint32_t>(random_.below(3) == 0 ? 0 : random_.below(100));
  record.payload_bytes = static_cast<uint32_t>(random_.chance(0.06) ? random_.below(24'000) : random_.below(3'000));
  record.content_seed = random_.next();
  return record;
}

Status LogWorld::append() {
  std::vector<SentRecord> records(1 + random_.below(3));
  for (SentRecord& record : records) record = random_record();
  return append(records);
}

Status LogWorld::append(const std::vector<SentRecord>& records) {
  std::vector<Bytes> bytes;
  for (const SentRecord& record : records) {
    bytes.push_back(record.meta());
    bytes.push_back(record.payload());
  }
  std::vector<AppendRecord> append(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    append[i] = {.type = records[i].type,
                 .arrival_us = records[i].arrival_us,
                 .reference_us = records[i].reference_us,
                 .meta = bytes[2 * i],
                 .payload = bytes[2 * i + 1],
                 .payload_xxh3 = xxh3(bytes[2 * i + 1])};
  }
  Lsn expected = log_->next_lsn();
  oracle_.will_append(expected, records);
  auto first = log_->append(append);
  note_durable();
  if (!first && first.error().code == Code::kNoSpace) {
    oracle_.not_appended(expected);
    if (log_->next_lsn() != expected) oracle_.fail_with("an append without space took an LSN");
  }
  TALLY_TRY(first);
  if (*first != expected) oracle_.fail_with("append gave " + lsn(*first) + " in place of " + lsn(expected));
  return {};
}

void LogWorld::note_durable() {
  Lsn durable = log_->durable_lsn();
  if (durable < durable_seen_) oracle_.fail_with("durable LSN went back");
  durable_seen_ = durable;
  if (durable > oracle_.acked_lsn()) oracle_.acknowledged(durable);
}

Status LogWorld::poll(bool wait) {
  Status polled = log_->poll(wait);
  note_durable();
  return polled;
}

Status LogWorld::wait_durable() {
  while (log_->durable_lsn() + 1 < log_->next_lsn()) TALLY_TRY(poll(true));
  return {};
}

Status LogWorld::idle() {
  SentRecord seal;
  seal.type = RecordType::kSeal;
  Lsn next = log_->next_lsn();
  oracle_.will_append(next, {seal});  // it may write one
  Status status = log_->idle(clock_.boottime_us());
  if (log_->next_lsn() == next && status) oracle_.not_appended(next);
  note_durable();
  clock_.advance(700'000);
  return status;
}

Status LogWorld::flush() {
  Lsn durable = log_->durable_lsn();
  Lsn flushed = oracle_.position.flushed_lsn;
  if (durable <= flushed) return {};
  Lsn through = random_.between(flushed + 1, durable);
  oracle_.flushed(through, log_->first_file_needed(through + 1));
  return log_->truncate(through);
}

Status LogWorld::read_back() {
  Lsn from = random_.between(oracle_.position.flushed_lsn + 1, log_->next_lsn());
  Lsn durable = log_->durable_lsn();
  auto expected = oracle_.sent().lower_bound(from);
  auto skip_seals = [&] {
    while (expected != oracle_.sent().end() && expected->second.type == RecordType::kSeal) ++expected;
  };
  TALLY_TRY(log_->read(from, [&](const RecordView& record) -> Status {
    skip_seals();
    bool right = expected != oracle_.sent().end() && expected->first == record.lsn && record.lsn <= durable &&
                 digest_of(expected->second) == digest_of(record);
    if (!right) oracle_.fail_with("read() shows a wrong " + lsn(record.lsn));
    if (right) ++expected;
    return {};
  }));
  skip_seals();
  if (expected != oracle_.sent().end() && expected->first <= durable)
    oracle_.fail_with("read() leaves out " + lsn(expected->first));
  return {};
}

Status LogWorld::close() {
  oracle_.will_close();
  TALLY_TRY(log_->close());
  note_durable();
  oracle_.closed();
  return {};
}

Status LogWorld::random_step() {
  clock_.advance(static_cast<TimeUs>(random_.below(1'000)));
  uint64_t dice = random_.below(100);
  if (dice < 55) return append();
  if (dice < 70) return poll(false);
  if (dice < 78) return poll(true);
  if (dice < 84) return wait_durable();
  if (dice < 90) return idle();
  if (dice < 96) return flush();
  return read_back();
}

Status LogWorld::live(unsigned steps) {
  TALLY_TRY(recover());
  TALLY_TRY(start());
  for (unsigned i = 0; i < steps && oracle_.failure().empty(); ++i) {
    Status done = random_step();
    if (!done && done.error().code != Code::kNoSpace) return done;
  }
  if (random_.chance(0.5)) return close();
  return {};
}

}  // namespace tally
