#include "tools/inspect.h"

#include <algorithm>

#include "base/file_names.h"
#include "engine/database_directory.h"
#include "engine/dead_letter_describe.h"
#include "engine/dead_letter_format.h"
#include "engine/log_describe.h"
#include "engine/manifest_describe.h"
#include "engine/manifest_format.h"
#include "engine/retraction_describe.h"
#include "engine/retraction_format.h"
#include "engine/segment_describe.h"
#include "engine/segment_format.h"
#include "wal/log_format.h"

namespace tally {

namespace {

constexpr uint64_t kMarkerBytesMax = 4096;
constexpr size_t kMagicBytes = 8;
constexpr const char* kShown = "TALLY, MANIFEST-*, *.seg, *.log, *.retr or *.dead of a database";

std::unexpected<Error> not_ours(const std::string& path, const std::string& why) {
  return fail(Code::kInvalidArgument, path + why + "; what can be shown is " + kShown);
}

// Segments and logs go while a database works: a name noted earlier may be gone.
std::unexpected<Error> no_file(const std::string& path) {
  const FileKind kind = parse_file_name(base_name(path)).kind;
  const char* gone = kind == FileKind::kSegment
                         ? "; segments are joined, folded and dropped: system.segments lists those there are"
                     : kind == FileKind::kLogFile ? "; log files go when segments have what they hold"
                                                  : "";
  return fail(Code::kNotFound, "there is no file " + path + gone);
}

std::string why_not(const std::string& path) {
  const bool ours = parse_file_name(base_name(path)).kind != FileKind::kUnknown;
  return ours ? " cannot be shown" : " is none of our files";
}

FileKind kind_by_name(const std::string& path) {
  const FileKind kind = parse_file_name(base_name(path)).kind;
  const FileKind shown[] = {FileKind::kMarker,  FileKind::kManifest,   FileKind::kSegment,
                            FileKind::kLogFile, FileKind::kRetraction, FileKind::kLetterFile};
  return std::find(std::begin(shown), std::end(shown), kind) != std::end(shown) ? kind : FileKind::kUnknown;
}

Result<FileKind> kind_of(FileSystem& fs, const std::string& path) {
  const Result<FileInfo> info = fs.info(path);
  if (!info && info.error().code == Code::kNotFound) return no_file(path);
  TALLY_TRY(info);
  if (info->is_directory) return not_ours(path, " is a directory");
  const FileKind by_name = kind_by_name(path);
  if (info->size < kMagicBytes) {
    if (by_name == FileKind::kUnknown) return not_ours(path, why_not(path));
    return fail(Code::kCorruption,
                path + " has " + std::to_string(info->size) + " bytes: it was cut off or never finished");
  }
  TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path, OpenMode::kRead));
  Bytes magic(kMagicBytes);
  TALLY_TRY(read_exactly(*file, 0, magic));
  const std::string_view text = as_text(magic);
  if (text == segment_format::kMagic) return FileKind::kSegment;
  if (text == manifest_format::kMagic) return FileKind::kManifest;
  if (text == kLogFileMagic) return FileKind::kLogFile;
  if (text == retraction_format::kMagic) return FileKind::kRetraction;
  if (text == dead_letter_format::kMagic) return FileKind::kLetterFile;
  if (by_name == FileKind::kUnknown) return not_ours(path, why_not(path));
  return by_name;
}

Result<FileDescription> describe_marker(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_whole_file(fs, path, kMarkerBytesMax));
  Result<DatabaseUuid> uuid = decode_marker(bytes);
  if (!uuid) return std::unexpected(std::move(uuid).error().with_context(path));
  return FileDescription{.lines = {"the marker of the Tally database " + hex(*uuid)}};
}

Result<FileDescription> describe(FileSystem& fs, const std::string& path, FileKind kind, bool blocks) {
  switch (kind) {
    case FileKind::kMarker: return describe_marker(fs, path);
    case FileKind::kManifest: return describe_manifest(fs, path);
    case FileKind::kSegment: return describe_segment(fs, path, blocks);
    case FileKind::kRetraction: return describe_retraction_file(fs, path);
    case FileKind::kLetterFile: return describe_letter_file(fs, path);
    default: return describe_log_file(fs, path);
  }
}

}  // namespace

Result<bool> inspect_file(FileSystem& fs, const std::string& path, const InspectOptions& options,
                          const TextSink& sink) {
  TALLY_ASSIGN_OR_RETURN(FileKind kind, kind_of(fs, path));
  if (options.rows) {
    if (kind == FileKind::kSegment) {
      TALLY_TRY(dump_segment_rows(fs, path, *options.rows, sink));
    } else if (kind == FileKind::kLogFile) {
      TALLY_TRY(dump_log_rows(fs, path, *options.rows, sink));
    } else if (kind == FileKind::kRetraction) {
      TALLY_TRY(dump_retractions(fs, path, *options.rows, sink));
    } else if (kind == FileKind::kLetterFile) {
      TALLY_TRY(dump_letters(fs, path, *options.rows, sink));
    } else {
      return fail(Code::kInvalidArgument, path + " holds no rows: --rows is for *.seg, *.log, *.retr and *.dead");
    }
    return true;
  }
  TALLY_ASSIGN_OR_RETURN(FileDescription description, describe(fs, path, kind, options.blocks));
  for (const std::string& line : description.lines) sink(line + "\n");
  return description.sound;
}

}  // namespace tally
