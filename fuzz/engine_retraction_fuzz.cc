// Hostile bytes as what retractions are stored in. First byte: 0 a file as it is; 1 the body of a file, for which header, part and
// sums are made; 2 a VERDICT, whose second byte says how long its meta is; 3 a RETRACT in the same way. What a file's reader
// lets through is written again and read again: the same retractions.
#include <cstdio>
#include <cstdlib>

#include "base/checksum.h"
#include "engine/retraction_format.h"
#include "engine/retraction_record.h"

namespace {

using namespace tally;

void demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

const Schema& schema() {
  static const Schema made = [] {
    Schema draft;
    draft.table_name = "t";
    draft.within_us = kMicrosPerHour;
    auto add = [&](const char* name, ColumnRole role, ColumnType type) {
      Column column;
      column.name = name;
      column.role = role;
      column.type = type;
      draft.columns.push_back(std::move(column));
    };
    add("ts", ColumnRole::kEventTime, ColumnType::kTimestamp);
    add("id", ColumnRole::kId, ColumnType::kId);
    add("d", ColumnRole::kDimension, ColumnType::kString);
    add("n", ColumnRole::kField, ColumnType::kInt64);
    add("s", ColumnRole::kField, ColumnType::kString);
    return complete_schema(std::move(draft)).value();
  }();
  return made;
}

// First four bytes: how many requests and retractions the header says there are.
Bytes file_around(ByteSpan data) {
  const uint32_t requests = data.size() > 0 ? data[0] : 0, retractions = data.size() > 1 ? data[1] : 0;
  const ByteSpan body = data.subspan(std::min<size_t>(data.size(), 2));
  Bytes bytes;
  ByteWriter out(bytes);
  out.bytes(as_bytes(retraction_format::kMagic));
  out.u16(retraction_format::kFormatVersion);
  out.u16(retraction_format::kReaderVersion);
  out.u32(0);
  out.zeros(16);
  out.u64(1);
  out.u64(retraction_format::kHeaderBytes + (body.empty() ? 0 : 16 + body.size()));
  out.u32(requests);
  out.u32(retractions);
  out.u64(xxh3(bytes));
  if (body.empty()) return bytes;
  const uint64_t seed = xxh3(bytes);
  out.u32(static_cast<uint32_t>(body.size()));
  out.u32(static_cast<uint32_t>(body.size()));
  out.u64(xxh3(body, seed));
  out.bytes(body);
  return bytes;
}

bool same(const Retraction& a, const Retraction& b) {
  return a.key == b.key && a.state == b.state && a.remembered == b.remembered && a.id_kind == b.id_kind &&
         a.raw == b.raw && a.text == b.text && a.lateness_class == b.lateness_class && a.generation == b.generation &&
         a.original_lsn == b.original_lsn && a.settled_lsn == b.settled_lsn && a.settled_us == b.settled_us &&
         a.request->lsn == b.request->lsn && a.request->arrival_us == b.request->arrival_us &&
         a.request->by == b.request->by && a.request->reason == b.request->reason;
}

void check_file(ByteSpan bytes) {
  auto contents = retraction_format::decode(bytes);
  if (!contents) return;
  for (const Retraction& one : contents->retractions) {
    demand(one.request != nullptr && one.changed_lsn() > 0, "a retraction without its record was let through");
    (void)format_id(one.id_kind, one.slot());
  }
  const Bytes again = retraction_format::encode(contents->uuid, contents->number, contents->retractions);
  auto twice = retraction_format::decode(again);
  demand(twice.has_value() && twice->retractions.size() == contents->retractions.size(),
         "what was read is not written");
  for (size_t i = 0; i < twice->retractions.size(); ++i) {
    demand(same(twice->retractions[i], contents->retractions[i]), "what was read is written as something else");
  }
}

void check_records(ByteSpan data, bool verdict) {
  if (data.empty()) return;
  const ByteSpan rest = data.subspan(1);
  const ByteSpan meta = rest.first(std::min<size_t>(data[0], rest.size()));
  const ByteSpan payload = rest.subspan(meta.size());
  static const IdHasher hasher(HashKey{});
  if (verdict) {
    auto read = decode_verdict(hasher, 3, meta, payload, xxh3(payload));
    if (!read) return;
    Bytes written;
    encode_verdict_meta(**read, written);
    demand(written == Bytes(meta.begin(), meta.end()), "a VERDICT was read in another form than it is written");
    return;
  }
  const uint32_t sizes[] = {7};
  auto read = decode_settlement(schema(), hasher, 3, sizes, meta, Bytes(payload.begin(), payload.end()));
  if (!read) return;
  const PreparedBatch& batch = *(*read)->originals;
  size_t routed = 0;
  for (const auto& rows : batch.shard_rows) routed += rows.size();
  demand(routed == batch.rows && (*read)->original_lsns.size() == batch.rows, "rows without a shard or an LSN");
  for (uint32_t code : batch.dimensions[0].table_codes) demand(code < sizes[0], "a code that nobody gave out");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ByteSpan rest(data + 1, size - 1);
  switch (data[0] % 4) {
    case 0: check_file(rest); break;
    case 1: check_file(file_around(rest)); break;
    case 2: check_records(rest, true); break;
    default: check_records(rest, false); break;
  }
  return 0;
}
