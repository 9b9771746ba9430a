// Derived ids: `ID UNIQUE WITHIN ... FROM (a, b)`. The producer sends no id; the table makes one of the columns named, so that
// the same event is the same id wherever and however often it is sent. The canonical id is 16 bytes:
//
//   BLAKE2b with 16 bytes of output, no key, no salt, personalisation "tally derived id" (RFC 7693; libsodium
//   crypto_generichash_blake2b_salt_personal) of the values one behind the other, in the order of FROM, each as
//     0x00                               NULL
//     0x01  u32 length, bytes            STRING
//     0x02  i64                          INT64
//     0x03  u8 scale, i64 scaled value   DECIMAL
//     0x04  i64 microseconds UTC         event time
//   little-endian. No value is the beginning of another, so no two rows of values share their bytes: NULL is not '', and
//   ('ab', 'c') is not ('a', 'bc').
//
// It has no key: a producer can compute the id of an event to name it in a retraction, and every table and every later copy of
// it gives the same id. Nobody can craft two events of one id all the same (BLAKE2b; 2^64 attempts); shards and filters see
// only its keyed hash (engine/event_id.h). A value counts as it was sent, also where the table keeps it as `(other)`.
//
// Worked example: FROM (ts, page, amount) with 2023-11-14T22:13:20Z, 'a', NULL:
//   04 00401e18240a0600  01 01000000 61  00  gives  9d2ac5be-02cd-34d1-4abf-8932abfa4b26
#pragma once

#include "base/status.h"
#include "engine/batch.h"
#include "engine/schema.h"

namespace tally {

// The bytes of one row's values, and their id.
class DerivedIdBytes {
 public:
  void clear() { bytes_.clear(); }
  void add_null();
  void add_string(std::string_view value);
  void add_int64(int64_t value);
  void add_decimal(uint8_t scale, int64_t scaled);
  void add_time(TimeUs value);
  ByteSpan bytes() const { return bytes_; }
  void finish(uint8_t (&id)[16]) const;

 private:
  Bytes bytes_;
};

// Fills ids and id_kinds of a batch whose other columns stand. kInvalidArgument: a row in which every column of FROM is NULL.
Status derive_ids(const Schema& schema, PreparedBatch& batch);

}  // namespace tally
