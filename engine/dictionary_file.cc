#include "engine/dictionary_file.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/file_names.h"
#include "engine/dictionary_format.h"

namespace tally {

namespace {

using dictionary_format::Part;

Result<Bytes> read_checked(FileSystem& fs, const std::string& path, const DictionaryFileInfo& expected) {
  Result<Bytes> bytes = read_whole_file(fs, path, dictionary_format::kFileBytesMax);
  if (!bytes) {
    Error error = std::move(bytes).error();
    if (error.code == Code::kNotFound) error.code = Code::kCorruption;  // the manifest lists it
    return std::unexpected(std::move(error));
  }
  if (bytes->size() != expected.size || xxh3(*bytes) != expected.checksum) {
    return fail(Code::kCorruption, path + ": " + std::to_string(bytes->size()) +
                                       " bytes whose sum or number is not what "
                                       "the manifest lists (" +
                                       std::to_string(expected.size) + " bytes)");
  }
  return bytes;
}

Status add_values(const Part& part, Dictionary& dictionary) {
  if (dictionary.size() != part.first_code) {
    return fail(Code::kCorruption, "dimension " + std::to_string(part.dimension_id) + " goes on at code " +
                                       std::to_string(part.first_code) + ", and its dictionary ends at " +
                                       std::to_string(dictionary.size()));
  }
  for (size_t i = 0; i < part.values.size(); ++i) {
    uint32_t wanted = part.first_code + static_cast<uint32_t>(i);
    uint32_t code = dictionary.add(part.values[i].view());
    if (code != wanted) {
      return fail(Code::kCorruption, "dimension " + std::to_string(part.dimension_id) + ": the value of code " +
                                         std::to_string(wanted) + " has code " + std::to_string(code) + " already");
    }
  }
  return {};
}

}  // namespace

Result<DictionaryFileInfo> write_dictionary_file(FileSystem& fs, const std::string& directory, uint64_t number,
                                                 const FileUuid& uuid, std::span<const DictionaryRange> ranges) {
  Bytes bytes = dictionary_format::encode(uuid, number, ranges);
  std::string path = join_path(directory, dictionary_name(number));
  if (bytes.size() > dictionary_format::kFileBytesMax) {
    return fail(Code::kLimitExceeded,
                path + ": " + std::to_string(bytes.size()) + " bytes of new values are above the limit");
  }
  DictionaryFileInfo info{.number = number, .uuid = uuid, .size = bytes.size(), .checksum = xxh3(bytes)};
  TALLY_TRY(write_file_atomic(fs, path, bytes));
  TALLY_ASSIGN_OR_RETURN(Bytes read, read_checked(fs, path, info));
  Result<dictionary_format::Contents> contents = dictionary_format::decode(read);
  if (!contents) return std::unexpected(std::move(contents).error().with_context("read back after writing: " + path));
  return info;
}

Status load_dictionary_file(FileSystem& fs, const std::string& path, const DictionaryFileInfo& expected,
                            std::span<const DictionaryTarget> targets) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_checked(fs, path, expected));
  Result<dictionary_format::Contents> contents = dictionary_format::decode(bytes);
  if (!contents) return std::unexpected(std::move(contents).error().with_context(path));
  if (contents->uuid != expected.uuid || contents->number != expected.number) {
    return fail(Code::kCorruption, path + ": another file stands in its place");
  }
  for (const Part& part : contents->parts) {
    auto target = std::find_if(targets.begin(), targets.end(),
                               [&](const DictionaryTarget& t) { return t.dimension_id == part.dimension_id; });
    if (target == targets.end()) continue;
    if (Status added = add_values(part, *target->dictionary); !added) {
      return std::unexpected(std::move(added).error().with_context(path));
    }
  }
  return {};
}

}  // namespace tally
