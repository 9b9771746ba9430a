// NDJSON: whatever the bytes, every line has its place, and the way the bytes are cut makes no difference.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tools/load/record_reader.h"

namespace {

using namespace tally;

std::string read_all(ByteSpan bytes, size_t step) {
  auto reader =
      open_record_reader(SourceFormat::kNdjson, "fuzz", memory_source(Bytes(bytes.begin(), bytes.end()), step));
  if (!reader) return reader.error().message;
  (*reader)->select({"a", "ts", "id"});
  std::string out;
  SourceRecord record;
  uint64_t number = 0, line = 0;
  while (true) {
    auto more = (*reader)->next(record);
    if (!more) return out + more.error().message;
    if (!*more) return out;
    if (record.number != ++number || record.line <= line) std::abort();
    line = record.line;
    out += std::to_string(line) + (record.faulty ? "!" + record.fault.code : ":");
    if (record.faulty) continue;
    if (record.values.size() != 3) std::abort();
    for (const SourceValue& value : record.values) {
      out += std::to_string(static_cast<int>(value.kind)) + std::string(value.text) + "|";
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  size_t step = data[0] % 16 + 1;
  ByteSpan bytes(data + 1, size - 1);
  std::string whole = read_all(bytes, SIZE_MAX);
  bool plain = bytes.size() < 4 || (bytes[0] != 0x1F && bytes[0] != 0x28 && bytes[0] != 0x04);
  if (plain && read_all(bytes, step) != whole) std::abort();
  return 0;
}
