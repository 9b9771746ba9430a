// CSV and TSV: the first byte chooses the format and how the bytes trickle in. Whatever the bytes, every record has its
// place, its values are as many as the columns, and the way the bytes are cut makes no difference.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tools/load/record_reader.h"

namespace {

using namespace tally;

// Everything that came out, as one text.
std::string read_all(SourceFormat format, ByteSpan bytes, size_t step) {
  auto reader = open_record_reader(format, "fuzz", memory_source(Bytes(bytes.begin(), bytes.end()), step));
  if (!reader) return reader.error().message;
  (*reader)->select((*reader)->columns());
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
    if (record.values.size() != (*reader)->columns().size()) std::abort();
    for (const SourceValue& value : record.values) {
      out += value.kind == SourceValue::Kind::kNull ? "~|" : std::string(value.text) + "|";
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  SourceFormat format = (data[0] & 1) != 0 ? SourceFormat::kTsv : SourceFormat::kCsv;
  size_t step = (data[0] >> 1) % 16 + 1;
  ByteSpan bytes(data + 1, size - 1);
  std::string whole = read_all(format, bytes, SIZE_MAX);
  // Compressed data may give up at another place when it comes in pieces; plain text may not.
  bool plain = bytes.size() < 4 || (bytes[0] != 0x1F && bytes[0] != 0x28 && bytes[0] != 0x04);
  if (plain && read_all(format, bytes, step) != whole) std::abort();
  return 0;
}
