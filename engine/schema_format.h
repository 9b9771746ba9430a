// The bytes of a schema, in manifests, SCHEMA records and segments. encode_schema() and decode_schema() are declared in
// schema.h. Strings are u32 length and bytes; lists are u32 count and items; nothing is aligned.
//
//   TYPE          FIELD
//   u16           format version, kSchemaFormatVersion
//   u32           schema version
//   u32           next id
//   string        table name
//   i64 i64 i64   within, raw retention, grace (microseconds)
//   u8            durability
//   list columns  u32 id, string name, u8 role, u8 type, u8 precision, u8 scale, u32 values_max
//   list measures u32 id, string name, u8 kind, u32 column id, u8 unique precision, condition, string expression,
//                 u32 since version
//   list rollups  u32 id, string name, list of u32 dimension ids, list of u32 measure ids, i64 minute, hour, day retention,
//                 u8 flags: bit 0 = every dimension, bit 1 = every measure, u32 since version
//   list lateness i64 lateness, condition
//   list id_from  u32 column id
//   condition     u8 0 = none; 1, then condition.h's bytes, then string text
//
// Version 1 had neither since versions nor flags: everything is since version 1, the rollup `all` has every dimension if it is
// the only one and names them all, and a rollup every measure if it names them all.
#pragma once

#include <cstdint>

namespace tally {

inline constexpr uint16_t kSchemaFormatVersion = 2;
inline constexpr uint16_t kSchemaFormatVersionMin = 1;
inline constexpr uint32_t kSchemaTextBytesMax = 64 * 1024;  // of one expression or condition as text

}  // namespace tally
