#include "query/system_dead_letters.h"

#include <algorithm>
#include <cstdio>

#include "base/decimal.h"
#include "base/limits.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "engine/batch_format.h"
#include "engine/batch_rows.h"

namespace tally {
namespace {

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<uint8_t>(c) >= 0x20) {
      out += c;
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<uint8_t>(c)));
      out += escape;
    }
  }
  out += '"';
}

void append_json_value(const Column& column, const Value& value, std::string& out) {
  if (const auto* text = std::get_if<std::string>(&value)) return append_json_string(*text, out);
  const int64_t number = std::get<int64_t>(value);
  if (column.type == ColumnType::kTimestamp) {
    append_json_string(format_timestamp(number), out);
  } else {
    out += format_decimal(number, column.type == ColumnType::kDecimal ? column.scale : 0);
  }
}

// Every column that is not NULL, in order of declaration; no id where the table derives it.
std::string json_of(const Schema& schema, const BatchRows& rows, uint32_t row) {
  std::string out = "{";
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const Column& column = schema.columns[i];
    if (column.role == ColumnRole::kId && schema.derives_ids()) continue;
    const Value value = rows.value(row, i);
    if (is_null(value)) continue;
    if (out.size() > 1) out += ',';
    append_json_string(column.name, out);
    out += ':';
    append_json_value(column, value, out);
  }
  return out + "}";
}

Datum text_or_null(std::string text) { return text.empty() ? Datum() : Datum::of_text(std::move(text)); }

// Rows of one table; the memory they take is bounded.
class LetterRows {
 public:
  LetterRows(const std::string& table, const Schema& schema, const LetterView& letters, SystemRows& result)
      : table_(table), schema_(schema), letters_(letters), result_(result) {}

  Sql<void> add(const LetterBundle& bundle) {
    std::unique_ptr<PreparedBatch> batch;
    if (bundle.has_rows()) {
      // A letter may be of a schema that no flush has brought into the snapshot's manifest yet.
      if (bundle.payload.size() >= kBatchHeaderBytes) {
        schema_.version = std::max(schema_.version, load_le<uint32_t>(bundle.payload.data() + 8));
      }
      SQL_ASSIGN(batch, decode_batch(schema_, hasher_, 1, bundle.payload, bundle.payload_xxh3));
    }
    const size_t rows = batch ? batch->rows : bundle.rejected.size();
    for (size_t i = 0; i < std::min(rows, bundle.letters.size()); ++i) {
      const std::string raw =
          batch ? json_of(schema_, BatchRows(schema_, *batch), static_cast<uint32_t>(i)) : bundle.rejected[i].raw;
      add_letter(bundle, i, raw);
    }
    if (bytes_ <= limits::kQueryMemoryBytesMax) return {};
    return sql_fail(std::nullopt,
                    "system.dead_letters: the letters of table \"" + table_ + "\" take more memory than " +
                        std::to_string(limits::kQueryMemoryBytesMax) + " bytes",
                    {}, Code::kLimitExceeded);
  }

 private:
  // Producers' bytes: what is no UTF-8 in them is shown as \xE9.
  void add_letter(const LetterBundle& bundle, size_t i, const std::string& raw) {
    const DeadLetter& letter = bundle.letters[i];
    const RejectedRow* invalid = bundle.has_rows() ? nullptr : &bundle.rejected[i];
    const Lsn replayed = letters_.replayed_lsn({bundle.lsn, letter.row});
    const bool cut = invalid != nullptr && invalid->cut;
    const std::string_view format = bundle.has_rows() ? "row" : raw_format_name(bundle.source.format);
    std::string shown = escape_bad_utf8(raw);
    bytes_ += shown.size() + bundle.source.name.size() + 16 * sizeof(Datum);
    result_.rows.push_back({Datum::of_text(table_), number(bundle.lsn), number(letter.row),
                            Datum::of_time(bundle.arrival_us), Datum::of_text(escape_bad_utf8(bundle.reason(i))),
                            invalid == nullptr ? Datum() : text_or_null(escape_bad_utf8(invalid->message)),
                            text_or_null(escape_bad_utf8(bundle.source.name)),
                            letter.source_row == 0 ? Datum() : number(letter.source_row),
                            Datum::of_text(std::string(format)), Datum::of_text(std::move(shown)),
                            Datum::of_text(replayed != 0 ? "replayed"
                                           : cut         ? "cut"
                                                         : "open"),
                            replayed == 0 ? Datum() : number(replayed)});
  }

  const std::string& table_;
  Schema schema_;
  const LetterView& letters_;
  SystemRows& result_;
  const IdHasher hasher_{HashKey{}};  // ids are shown and not looked up
  uint64_t bytes_ = 0;
};

// A flush may move letters between the snapshot and the look at them: then a new snapshot has them.
Result<std::unique_ptr<LetterView>> letters_of(Catalog& catalog, const std::string& table,
                                               std::shared_ptr<const Snapshot>& snapshot) {
  constexpr int kTries = 100;
  for (int i = 0;; ++i) {
    TALLY_ASSIGN_OR_RETURN(snapshot, catalog.snapshot(table));
    auto view = snapshot->dead_letters();
    if (view || view.error().code != Code::kRetryLater || i == kTries) return view;
  }
}

Sql<void> add_table(const std::string& table, const Snapshot& snapshot, LetterView& letters, SystemRows& result) {
  LetterRows rows(table, snapshot.schema(), letters, result);
  while (true) {
    SQL_ASSIGN(const LetterBundle* bundle, letters.next());
    if (bundle == nullptr) return {};
    SQL_TRY(rows.add(*bundle));
  }
}

}  // namespace

Sql<SystemRows> system_dead_letters(Catalog& catalog) {
  SystemRows result;
  result.add_columns(SqlType::kString, {"table"});
  result.add_columns(SqlType::kInt64, {"lsn", "row"});
  result.add_columns(SqlType::kTimestamp, {"arrival"});
  result.add_columns(SqlType::kString, {"reason", "message", "source"});
  result.add_columns(SqlType::kInt64, {"source_row"});
  result.add_columns(SqlType::kString, {"format", "raw", "state"});
  result.add_columns(SqlType::kInt64, {"replayed_lsn"});
  for (const std::string& table : catalog.table_names()) {
    std::shared_ptr<const Snapshot> snapshot;
    auto letters = letters_of(catalog, table, snapshot);
    if (snapshot == nullptr) continue;  // a table that cannot be read says so where it is asked for alone
    if (!letters) return sql_fail(std::nullopt, letters.error().message, {}, letters.error().code);
    SQL_TRY(add_table(table, *snapshot, **letters, result));
  }
  return result;
}

}  // namespace tally
