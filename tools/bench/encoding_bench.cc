// Encodings of column blocks, the block index and the id filter, on one core: columns of ad events as a raw segment has
// them (sorted by dimensions, then time, in blocks of limits::kSegmentBlockRows), then each encoding on a column made for
// it. Rates are of values, the fastest of a few runs, beside what the machine can do.
//
//   bench_encoding [--events N]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/limits.h"
#include "base/random.h"
#include "engine/block_index.h"
#include "engine/encoding/column_block.h"
#include "engine/encoding/lz4_block.h"
#include "engine/encoding/selection.h"
#include "engine/encoding/value_list.h"
#include "engine/id_filter.h"
#include "tools/bench/yardsticks.h"
#include "tools/generate/ad_profile.h"

namespace tally {
namespace {

constexpr size_t kBlockRows = limits::kSegmentBlockRows;
constexpr size_t kRepeats = 5;

double fastest_s(const std::function<void()>& work) {
  double best = std::numeric_limits<double>::max();
  for (size_t i = 0; i < kRepeats; ++i) {
    int64_t begun = bench_now_us();
    work();
    best = std::min(best, seconds_since(begun));
  }
  return std::max(best, 1e-9);
}

double millions(size_t values, double seconds) { return static_cast<double>(values) / seconds / 1e6; }

struct EncodedBlock {
  BlockForm form;
  Bytes raw;
  size_t rows = 0;
};

// One column, whatever its type: how to encode a block of it, decode it, and ask it for one value.
struct ColumnCase {
  std::string name;
  size_t rows = 0;
  size_t row_bytes = 0;
  std::function<BlockForm(size_t first, size_t rows, Bytes& raw)> encode;
  std::function<void(const EncodedBlock& block)> decode;
  std::function<void(const EncodedBlock& block, std::span<uint64_t> words)> select_one;
};

std::string encodings_of(const std::vector<EncodedBlock>& blocks) {
  std::map<std::string_view, size_t> counts;
  for (const EncodedBlock& block : blocks) ++counts[encoding_name(block.form.encoding)];
  std::string text;
  for (auto [name, count] : counts) {
    text += (text.empty() ? "" : ", ") + std::string(name) + " " + std::to_string(count);
  }
  return text;
}

// Bytes with LZ4 where it pays.
size_t stored_bytes(const std::vector<EncodedBlock>& blocks) {
  size_t bytes = 0;
  Bytes packed;
  for (const EncodedBlock& block : blocks) {
    bool smaller = !encoding_is_random_bytes(block.form.encoding) && lz4_compress(block.raw, packed);
    bytes += smaller ? packed.size() : block.raw.size();
  }
  return bytes;
}

double print_column(const ColumnCase& column) {
  std::vector<EncodedBlock> blocks((column.rows + kBlockRows - 1) / kBlockRows);
  double encode_s = fastest_s([&] {
    for (size_t i = 0; i < blocks.size(); ++i) {
      blocks[i].rows = std::min(kBlockRows, column.rows - i * kBlockRows);
      blocks[i].form = column.encode(i * kBlockRows, blocks[i].rows, blocks[i].raw);
    }
  });
  double decode_s = fastest_s([&] {
    for (const EncodedBlock& block : blocks) column.decode(block);
  });
  std::vector<uint64_t> words(selection_words(kBlockRows));
  double select_s = fastest_s([&] {
    for (const EncodedBlock& block : blocks) {
      column.select_one(block, std::span(words).first(selection_words(block.rows)));
    }
  });
  size_t raw = 0;
  for (const EncodedBlock& block : blocks) raw += block.raw.size();
  auto rows = static_cast<double>(column.rows);
  double stored = static_cast<double>(stored_bytes(blocks)) / rows;
  std::printf("%-14s %7.3f %7.3f %8.0f %8.0f %7.1f %9.0f   %s\n", column.name.c_str(), static_cast<double>(raw) / rows,
              stored, millions(column.rows, encode_s), millions(column.rows, decode_s),
              rows * static_cast<double>(column.row_bytes) / decode_s / 1e9, millions(column.rows, select_s),
              encodings_of(blocks).c_str());
  return stored;
}

void print_heading(const char* what) {
  std::printf("\n%-14s %7s %7s %8s %8s %7s %9s   blocks\n", what, "bytes", "+ LZ4", "encode", "decode", "GB/s", "=");
  std::printf("%-14s %7s %7s %8s %8s %7s %9s\n", "", "a row", "a row", "M/s", "M/s", "decoded", "M rows/s");
}

ColumnEncoder& encoder() {
  static ColumnEncoder one;
  return one;
}

ColumnCase codes_case(std::string name, const std::vector<uint32_t>& values) {
  auto out = std::make_shared<std::vector<uint32_t>>(kBlockRows);
  IntPredicate wanted = IntPredicate::equals(values[values.size() / 2]);
  return {std::move(name),
          values.size(),
          4,
          [&values](size_t first, size_t rows, Bytes& raw) {
            return encoder().codes(std::span(values).subspan(first, rows), raw);
          },
          [out](const EncodedBlock& block) {
            TALLY_CHECK(decode_codes_block(block.form, block.raw, std::span(*out).first(block.rows)).has_value());
          },
          [wanted](const EncodedBlock& block, std::span<uint64_t> words) {
            TALLY_CHECK(select_codes_block(block.form, block.raw, block.rows, wanted, words).has_value());
          }};
}

ColumnCase child_case(std::string name, const std::vector<uint32_t>& values, const std::vector<uint32_t>& parents) {
  auto out = std::make_shared<std::vector<uint32_t>>(kBlockRows);
  auto place = std::make_shared<size_t>(0);  // of the next block: blocks are read in order
  auto next = [&parents, place](size_t rows) {
    if (*place == parents.size()) *place = 0;
    size_t first = *place;
    *place += rows;
    return std::span(parents).subspan(first, rows);
  };
  IntPredicate wanted = IntPredicate::equals(values[values.size() / 2]);
  return {
      std::move(name),
      values.size(),
      4,
      [&values, &parents](size_t first, size_t rows, Bytes& raw) {
        return encoder().codes_with_parent(std::span(values).subspan(first, rows), 1,
                                           std::span(parents).subspan(first, rows), raw);
      },
      [out, next](const EncodedBlock& block) {
        Status status =
            decode_codes_block_with_parent(block.form, block.raw, next(block.rows), std::span(*out).first(block.rows));
        TALLY_CHECK(status.has_value());
      },
      [wanted, next](const EncodedBlock& block, std::span<uint64_t> words) {
        TALLY_CHECK(select_codes_block_with_parent(block.form, block.raw, next(block.rows), wanted, words).has_value());
      }};
}

ColumnCase ints_case(std::string name, const std::vector<int64_t>& values) {
  auto out = std::make_shared<std::vector<int64_t>>(kBlockRows);
  auto nulls = std::make_shared<std::vector<uint8_t>>(kBlockRows);
  IntPredicate wanted = IntPredicate::equals(values[values.size() / 2]);
  return {std::move(name),
          values.size(),
          8,
          [&values](size_t first, size_t rows, Bytes& raw) {
            return encoder().ints(std::span(values).subspan(first, rows), {}, raw);
          },
          [out, nulls](const EncodedBlock& block) {
            auto result = decode_ints_block(block.form, block.raw, std::span(*out).first(block.rows),
                                            std::span(*nulls).first(block.rows));
            TALLY_CHECK(result.has_value());
          },
          [wanted](const EncodedBlock& block, std::span<uint64_t> words) {
            TALLY_CHECK(select_ints_block(block.form, block.raw, block.rows, wanted, words).has_value());
          }};
}

ColumnCase strings_case(std::string name, const std::vector<StringRef>& values) {
  auto out = std::make_shared<std::vector<StringRef>>(kBlockRows);
  auto nulls = std::make_shared<std::vector<uint8_t>>(kBlockRows);
  StringPredicate wanted = StringPredicate::equals(values[values.size() / 2].view());
  return {std::move(name),
          values.size(),
          16,
          [&values](size_t first, size_t rows, Bytes& raw) {
            return encoder().strings(std::span(values).subspan(first, rows), raw);
          },
          [out, nulls](const EncodedBlock& block) {
            Status status = decode_strings_block(block.form, block.raw, std::span(*out).first(block.rows),
                                                 std::span(*nulls).first(block.rows));
            TALLY_CHECK(status.has_value());
          },
          [wanted](const EncodedBlock& block, std::span<uint64_t> words) {
            TALLY_CHECK(select_strings_block(block.form, block.raw, block.rows, wanted, words).has_value());
          }};
}

ColumnCase ids_case(std::string name, const std::vector<IdSlot>& values) {
  auto out = std::make_shared<std::vector<IdSlot>>(kBlockRows);
  auto kinds = std::make_shared<std::vector<IdKind>>(kBlockRows, IdKind::kUuid);
  return {std::move(name),
          values.size(),
          16,
          [&values, kinds](size_t first, size_t rows, Bytes& raw) {
            return encoder().ids(std::span(values).subspan(first, rows), std::span(*kinds).first(rows), raw);
          },
          [out, kinds](const EncodedBlock& block) {
            Status status = decode_ids_block(block.form, block.raw, std::span(*out).first(block.rows),
                                             std::span(*kinds).first(block.rows));
            TALLY_CHECK(status.has_value());
          },
          [](const EncodedBlock&, std::span<uint64_t>) {}};
}

// Two days' share of events in the order of a segment.
std::vector<AdEvent> sorted_events(uint64_t count) {
  AdProfile profile({.events = count, .days = 2, .seed = 1});
  std::vector<AdEvent> events;
  AdEvent event;
  while (profile.next(event)) events.push_back(event);
  auto key = [](const AdEvent& e) {
    return std::tuple(e.event_us / kMicrosPerDay, e.advertiser, e.campaign, e.ad_group, e.creative, e.publisher,
                      e.country, e.region, e.device, e.os, e.event_us);
  };
  std::sort(events.begin(), events.end(), [&](const AdEvent& a, const AdEvent& b) { return key(a) < key(b); });
  return events;
}

void bench_ad_columns(const std::vector<AdEvent>& events) {
  print_heading("ad column");
  double total = 0;
  auto codes = [&](const char* name, auto code_of) {
    std::vector<uint32_t> values;
    for (const AdEvent& event : events) values.push_back(static_cast<uint32_t>(code_of(event)));
    total += print_column(codes_case(name, values));
  };
  auto ints = [&](const char* name, auto value_of) {
    std::vector<int64_t> values;
    for (const AdEvent& event : events) values.push_back(value_of(event));
    total += print_column(ints_case(name, values));
  };
  auto strings = [&](const char* name, auto text_of) {
    std::vector<StringRef> values;
    for (const AdEvent& event : events) values.emplace_back(text_of(event));  // all of them short
    total += print_column(strings_case(name, values));
  };
  ints("time", [](const AdEvent& e) { return e.event_us; });
  ints("arrival", [](const AdEvent& e) { return e.arrival_us / kMicrosPerSecond * kMicrosPerSecond; });
  codes("advertiser", [](const AdEvent& e) { return e.advertiser; });
  codes("campaign", [](const AdEvent& e) { return e.campaign; });
  codes("ad_group", [](const AdEvent& e) { return e.campaign * 3 + e.ad_group; });
  codes("creative", [](const AdEvent& e) { return e.campaign * 10 + e.creative; });
  codes("publisher", [](const AdEvent& e) { return e.publisher; });
  codes("country", [](const AdEvent& e) { return e.country; });
  codes("region", [](const AdEvent& e) { return e.country * 5 + e.region; });
  codes("device", [](const AdEvent& e) { return e.device; });
  codes("os", [](const AdEvent& e) { return e.os; });
  ints("cost", [](const AdEvent& e) { return e.cost_micros; });
  ints("revenue", [](const AdEvent& e) { return e.revenue_micros; });
  constexpr std::string_view kTypes[] = {"impression", "click", "conversion"};
  strings("event_type", [&](const AdEvent& e) { return kTypes[static_cast<size_t>(e.type)]; });
  std::string user;
  strings("user_id", [&](const AdEvent& e) { return std::string_view(user = "u" + std::to_string(e.user)); });
  std::vector<IdSlot> ids(events.size());
  for (size_t i = 0; i < events.size(); ++i) std::copy(events[i].id.begin(), events[i].id.end(), ids[i].raw);
  total += print_column(ids_case("id", ids));
  std::printf("%-14s %7s %7.3f   and 4 of the digest\n", "together", "", total);
}

// Columns by another, of which one follows from the other or not at all; the decoding of the parent is not in the figures.
void bench_children(const std::vector<AdEvent>& events) {
  print_heading("by another");
  auto column = [&](auto code_of) {
    std::vector<uint32_t> values;
    for (const AdEvent& event : events) values.push_back(static_cast<uint32_t>(code_of(event)));
    return values;
  };
  auto campaign = column([](const AdEvent& e) { return e.campaign; });
  auto creative = column([](const AdEvent& e) { return e.campaign * 10 + e.creative; });
  auto publisher = column([](const AdEvent& e) { return e.publisher; });
  auto country = column([](const AdEvent& e) { return e.country; });
  auto region = column([](const AdEvent& e) { return e.country * 5 + e.region; });
  auto device = column([](const AdEvent& e) { return e.device; });
  auto os = column([](const AdEvent& e) { return e.os; });
  print_column(child_case("region/country", region, country));
  print_column(child_case("os/device", os, device));
  print_column(child_case("creat./campaign", creative, campaign));
  print_column(child_case("country/campaign", country, campaign));
  print_column(child_case("publ./country", publisher, country));
  print_column(child_case("device/country", device, country));
}

// What the appendix of a segment takes, one dimension's part of about 1 MiB, beside the form before it.
void bench_value_lists() {
  std::printf("\nvalues of a dimension  bytes a value  + LZ4   u32, u16, bytes + LZ4   encode M/s  decode M/s\n");
  constexpr size_t kValues = 60'000;
  Random random(1);
  std::vector<uint32_t> codes(kValues), codes_out(kValues);
  std::vector<std::string> texts(kValues);
  std::vector<StringRef> values(kValues), values_out(kValues);
  for (const char* kind : {"k12345", "www.site-12345.example", "int64"}) {
    Bytes plain, raw, packed;
    ByteWriter writer(plain);
    for (size_t i = 0; i < kValues; ++i) {
      codes[i] = static_cast<uint32_t>(2 + i * 3 + random.below(3));
      uint64_t number = random.below(200'000);
      texts[i] = kind[0] == 'k' ? "k" + std::to_string(number) : "www.site-" + std::to_string(number) + ".example";
      if (kind[0] == 'i') texts[i].assign(reinterpret_cast<const char*>(&number), sizeof number);
      values[i] = StringRef(texts[i]);
      writer.u32(codes[i]);
    }
    for (const std::string& text : texts) writer.u16(static_cast<uint16_t>(text.size()));
    for (const std::string& text : texts) writer.bytes(as_bytes(text));
    double encode_s = fastest_s([&] { encode_value_list(codes, values, encoder(), raw); });
    double decode_s =
        fastest_s([&] { TALLY_CHECK(decode_value_list(raw, kValues, codes_out, values_out).has_value()); });
    auto a_value = [](size_t bytes) { return static_cast<double>(bytes) / kValues; };
    auto smaller = [&](const Bytes& bytes) { return lz4_compress(bytes, packed) ? packed.size() : bytes.size(); };
    std::printf("%-22s %10.2f %9.2f %18.2f %18.0f %11.0f\n", kind, a_value(raw.size()), a_value(smaller(raw)),
                a_value(smaller(plain)), millions(kValues, encode_s), millions(kValues, decode_s));
  }
}

void bench_made_columns(size_t rows) {
  print_heading("made for it");
  Random random(1);
  std::vector<uint32_t> values(rows);
  for (unsigned width : {1, 4, 8, 13, 20, 32}) {
    for (uint32_t& value : values) value = static_cast<uint32_t>(random.next() >> (64 - width));
    print_column(codes_case(std::to_string(width) + " bits", values));
  }
  for (size_t i = 0; i < rows; ++i) values[i] = static_cast<uint32_t>(i / 100 * 7919 % 10'000);
  print_column(codes_case("runs of 100", values));
  std::vector<int64_t> wide(rows);
  for (size_t i = 0; i < rows; ++i)
    wide[i] = 1'700'000'000'000'000 + static_cast<int64_t>(i * 1000 + random.below(900));
  print_column(ints_case("rising times", wide));
  for (int64_t& value : wide) value = static_cast<int64_t>(random.below(100)) * 12'345'678'901;
  print_column(ints_case("100 prices", wide));
  for (int64_t& value : wide) value = static_cast<int64_t>(random.next() >> 24);
  print_column(ints_case("40 bits", wide));
  for (int64_t& value : wide) value = static_cast<int64_t>(random.next() >> (random.chance(0.05) ? 40 : 54));
  print_column(ints_case("5 % outliers", wide));
}

void bench_sets(const std::vector<AdEvent>& events) {
  auto blocks = static_cast<uint32_t>((events.size() + 2047) / 2048);
  Bytes bytes;
  BlockIndexBuilder builder;
  double build_s = fastest_s([&] {
    bytes.clear();
    for (size_t i = 0; i < events.size(); ++i) builder.add(events[i].publisher, static_cast<uint32_t>(i / 2048));
    builder.finish(blocks, bytes);
  });
  BlockIndex index = BlockIndex::open(bytes, blocks).value();
  auto statistics = index.statistics().value();
  std::printf(
      "\nblock index of publishers over %u blocks of 2,048: %.3f bytes a row, %.2f bytes a pair, %u lists, %u bitmaps, "
      "built at %.1f M rows/s\n",
      blocks, static_cast<double>(bytes.size()) / static_cast<double>(events.size()),
      static_cast<double>(bytes.size()) / static_cast<double>(statistics.pairs), statistics.lists, statistics.bitmaps,
      millions(events.size(), build_s));
  std::vector<uint32_t> codes;
  for (uint32_t code = 0; code < 1000; ++code) codes.push_back(code * 5);
  std::vector<uint64_t> words((blocks + 63) / 64);
  double in_s = fastest_s([&] { TALLY_CHECK(index.select_any(codes, words).has_value()); });
  double one_s = fastest_s([&] {
    for (uint32_t code : codes) TALLY_CHECK(index.find(code).has_value());
  });
  std::printf("    IN of 1,000 codes %.0f us, 1,000 lookups of one code %.0f us\n", in_s * 1e6, one_s * 1e6);
}

void bench_roaring() {
  Random random(1);
  std::printf("\nsets of 65,536 block numbers, CRoaring      AND us    OR us  ANDNOT us   plain words AND us\n");
  for (double share : {0.001, 0.01, 0.1, 0.5}) {
    std::vector<uint32_t> a, b;
    std::vector<uint64_t> a_words(1024), b_words(1024);
    for (uint32_t block = 0; block < 65'536; ++block) {
      if (random.chance(share)) a.push_back(block);
      if (random.chance(share)) b.push_back(block);
    }
    BlockSet set_a(a), set_b(b);
    set_a.select(a_words);
    set_b.select(b_words);
    auto time_of = [&](auto work) {
      return fastest_s([&] {
               for (int i = 0; i < 100; ++i) {
                 BlockSet copy = set_a;
                 work(copy);
               }
             }) *
             1e4;
    };
    double and_us = time_of([&](BlockSet& copy) { copy &= set_b; });
    double or_us = time_of([&](BlockSet& copy) { copy |= set_b; });
    double andnot_us = time_of([&](BlockSet& copy) { copy -= set_b; });
    uint64_t sum = 0;
    double plain_us = fastest_s([&] {
                        for (size_t round = 0; round < 100; ++round) {
                          for (size_t i = 0; i < a_words.size(); ++i) sum += a_words[i] & b_words[i];
                        }
                      }) *
                      1e4;
    std::printf("    %5.1f %% of them, copy included        %8.2f %8.2f   %8.2f   %8.2f (check %llu)\n", share * 100,
                and_us, or_us, andnot_us, plain_us, static_cast<unsigned long long>(sum % 10));
  }
}

void bench_id_filter(size_t ids) {
  Random random(1);
  std::vector<Hash128> known(ids), strangers(ids);
  for (Hash128& hash : known) hash = {.lo = random.next(), .hi = random.next()};
  for (Hash128& hash : strangers) hash = {.lo = random.next(), .hi = random.next()};
  Bytes bytes;
  double build_s = fastest_s([&] {
    bytes.clear();
    IdFilterBuilder builder(ids);
    builder.add(known);
    builder.finish(bytes);
  });
  IdFilter filter = IdFilter::open(bytes).value();
  std::vector<uint64_t> words(selection_words(ids));
  double probe_s = fastest_s([&] { filter.may_contain(strangers, words); });
  double wrong = static_cast<double>(count_selected(words)) / static_cast<double>(ids);
  size_t found = 0;
  double single_s = fastest_s([&] {
    for (size_t i = 0; i < ids / 10; ++i) found += filter.may_contain(strangers[i]);
  });
  auto ns = [](double seconds, size_t count) { return seconds * 1e9 / static_cast<double>(count); };
  std::printf(
      "\nid filter of %zu ids: %.1f bits an id, %.2f %% of strangers let through, add %.1f ns, probe %.1f ns in a "
      "batch, %.1f ns alone (check %zu)\n",
      ids, static_cast<double>(bytes.size()) * 8 / static_cast<double>(ids), wrong * 100, ns(build_s, ids),
      ns(probe_s, ids), ns(single_s, ids / 10), found % 10);
}

}  // namespace
}  // namespace tally

int main(int argc, char** argv) {
  uint64_t events = tally::tiny_bench() ? 40'000 : 2'000'000;
  if (argc == 3 && std::string_view(argv[1]) == "--events") events = std::strtoull(argv[2], nullptr, 10);
  tally::print_yardsticks(tally::measure_yardsticks("."));
  {
    std::vector<tally::AdEvent> sorted = tally::sorted_events(events);
    tally::bench_ad_columns(sorted);
    tally::bench_children(sorted);
    tally::bench_sets(sorted);
  }
  tally::bench_made_columns(events);
  tally::bench_value_lists();
  tally::bench_roaring();
  tally::bench_id_filter(tally::tiny_bench() ? 20'000 : 20'000'000);
}
