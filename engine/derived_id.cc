#include "engine/derived_id.h"

#include <sodium.h>

#include <algorithm>

namespace tally {
namespace {

enum class Tag : uint8_t { kNull = 0, kString = 1, kInt64 = 2, kDecimal = 3, kTime = 4 };

constexpr char kPersonal[crypto_generichash_blake2b_PERSONALBYTES + 1] = "tally derived id";
static_assert(sizeof(kPersonal) == 17);

void put_tag(Bytes& bytes, Tag tag) { bytes.push_back(static_cast<uint8_t>(tag)); }

template <class T>
void put(Bytes& bytes, T value) {
  const size_t at = bytes.size();
  bytes.resize(at + sizeof value);
  store_le(bytes.data() + at, value);
}

// A column of FROM, as it stands in a decoded batch.
struct Source {
  const Column* column = nullptr;
  const PreparedBatch::Dimension* dimension = nullptr;
  const PreparedBatch::Field* field = nullptr;  // neither: the event time
};

std::vector<Source> sources_of(const Schema& schema, const PreparedBatch& batch) {
  const std::vector<size_t> dimensions = schema.dimensions();
  const std::vector<size_t> fields = schema.fields();
  auto index_of = [&](const std::vector<size_t>& positions, uint32_t id) {
    auto found = std::ranges::find_if(positions, [&](size_t position) { return schema.columns[position].id == id; });
    return static_cast<size_t>(found - positions.begin());
  };
  std::vector<Source> sources;
  for (uint32_t id : schema.id_from) {
    Source source{.column = schema.find_column(id)};
    if (size_t d = index_of(dimensions, id); d < dimensions.size()) source.dimension = &batch.dimensions[d];
    if (size_t f = index_of(fields, id); f < fields.size()) source.field = &batch.fields[f];
    sources.push_back(source);
  }
  return sources;
}

// Whether there was a value.
bool add_dimension(const Source& source, uint32_t row, DerivedIdBytes& out) {
  const uint32_t code = source.dimension->local_codes[row];
  if (code == 0) {
    out.add_null();
    return false;
  }
  const std::string_view value = source.dimension->local_values[code - 1];
  if (source.column->type == ColumnType::kInt64) {
    out.add_int64(load_le<int64_t>(as_bytes(value).data()));
  } else {
    out.add_string(value);
  }
  return true;
}

bool add_field(const Source& source, uint32_t row, DerivedIdBytes& out) {
  const PreparedBatch::Field& field = *source.field;
  const bool text = source.column->type == ColumnType::kString;
  const bool null = text ? field.strings[row].is_null() : !field.nulls.empty() && field.nulls[row] != 0;
  if (null) {
    out.add_null();
  } else if (text) {
    out.add_string(field.strings[row].view());
  } else if (source.column->type == ColumnType::kDecimal) {
    out.add_decimal(source.column->scale, field.ints[row]);
  } else {
    out.add_int64(field.ints[row]);
  }
  return !null;
}

}  // namespace

void DerivedIdBytes::add_null() { put_tag(bytes_, Tag::kNull); }

void DerivedIdBytes::add_string(std::string_view value) {
  put_tag(bytes_, Tag::kString);
  put(bytes_, static_cast<uint32_t>(value.size()));
  const ByteSpan text = as_bytes(value);
  bytes_.insert(bytes_.end(), text.begin(), text.end());
}

void DerivedIdBytes::add_int64(int64_t value) {
  put_tag(bytes_, Tag::kInt64);
  put(bytes_, value);
}

void DerivedIdBytes::add_decimal(uint8_t scale, int64_t scaled) {
  put_tag(bytes_, Tag::kDecimal);
  bytes_.push_back(scale);
  put(bytes_, scaled);
}

void DerivedIdBytes::add_time(TimeUs value) {
  put_tag(bytes_, Tag::kTime);
  put(bytes_, value);
}

void DerivedIdBytes::finish(uint8_t (&id)[16]) const {
  static_assert(sizeof(id) >= crypto_generichash_blake2b_BYTES_MIN);
  const int status = crypto_generichash_blake2b_salt_personal(id, sizeof id, bytes_.data(), bytes_.size(), nullptr, 0,
                                                              nullptr, reinterpret_cast<const uint8_t*>(kPersonal));
  TALLY_CHECK(status == 0);
}

Status derive_ids(const Schema& schema, PreparedBatch& batch) {
  const std::vector<Source> sources = sources_of(schema, batch);
  batch.ids.resize(batch.rows);
  batch.id_kinds.assign(batch.rows, IdKind::kDerived);
  DerivedIdBytes bytes;
  for (uint32_t row = 0; row < batch.rows; ++row) {
    bytes.clear();
    bool any = false;
    for (const Source& source : sources) {
      if (source.dimension != nullptr) {
        any |= add_dimension(source, row, bytes);
      } else if (source.field != nullptr) {
        any |= add_field(source, row, bytes);
      } else {
        bytes.add_time(batch.times[row]);
        any = true;
      }
    }
    if (!any) {
      return fail(Code::kInvalidArgument,
                  "batch: row " + std::to_string(row) + ": every column that its id is derived from is NULL");
    }
    bytes.finish(batch.ids[row].raw);
  }
  return {};
}

}  // namespace tally
