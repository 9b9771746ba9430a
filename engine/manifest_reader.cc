#include "engine/manifest_reader.h"

#include <algorithm>

#include "base/file_names.h"
#include "base/limits.h"

namespace tally {

namespace {

using manifest_format::Current;
using manifest_format::decode_frame;
using manifest_format::FileHeader;
using manifest_format::Frame;
using manifest_format::FrameKind;
using manifest_format::kFrameAlignment;

constexpr uint64_t kCurrentBytesMax = 256;

Result<Bytes> read_direct(FileSystem& fs, const std::string& path, uint64_t bytes_max) {
  TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path, OpenMode::kReadDirect));
  TALLY_ASSIGN_OR_RETURN(uint64_t size, file->size());
  if (size > bytes_max) {
    return fail(Code::kLimitExceeded,
                path + " has " + std::to_string(size) + " bytes, above the limit of " + std::to_string(bytes_max));
  }
  Bytes bytes(size);
  TALLY_TRY(read_exactly(*file, 0, bytes));
  return bytes;
}

std::unexpected<Error> at_offset(uint64_t offset, Error error) {
  return std::unexpected(std::move(error).with_context("offset " + std::to_string(offset)));
}

class Decoder {
 public:
  Decoder(ByteSpan file, const FileHeader& header, const ManifestEditVisitor& visit)
      : file_(file), header_(header), visit_(visit) {}

  Result<LoadedManifest> run() {
    TALLY_TRY(read_snapshot());
    while (true) {
      TALLY_ASSIGN_OR_RETURN(bool more, read_edit());
      if (!more) break;
    }
    if (file_.size() < file_bytes_) {
      return fail(Code::kCorruption, "the file has " + std::to_string(file_.size()) + " bytes and had been given " +
                                         std::to_string(file_bytes_) + ": its end is lost");
    }
    if (Status status = check_state(loaded_.state); !status) {
      return fail(Code::kCorruption, std::move(status).error().message);
    }
    loaded_.number = header_.number;
    return std::move(loaded_);
  }

 private:
  Status read_snapshot() {
    offset_ = manifest_format::kFileHeaderBytes;
    Result<Frame> frame = decode_frame(header_.epoch, file_, offset_);
    if (!frame) return at_offset(offset_, std::move(frame).error());
    if (frame->kind != FrameKind::kSnapshot || frame->copy != 0 ||
        frame->previous_link != manifest_format::epoch_root(header_.epoch)) {
      return fail(Code::kCorruption, "offset " + std::to_string(offset_) + ": the file does not begin with a snapshot");
    }
    Result<ManifestState> state = manifest_format::decode_state(frame->payload);
    if (!state) return at_offset(offset_, std::move(state).error());
    loaded_.state = *std::move(state);
    if (loaded_.state.table_uuid != header_.table_uuid) {
      return fail(Code::kCorruption, "header and snapshot name different tables");
    }
    loaded_.edit_number = frame->edit_number;
    accept(*frame, frame->end);
    return {};
  }

  void accept(const Frame& frame, uint64_t end) {
    link_ = frame.link;
    file_bytes_ = std::max(file_bytes_, frame.file_bytes);
    offset_ = end;
  }

  bool follows(const Frame& frame) const {
    return frame.kind == FrameKind::kEdit && frame.edit_number == loaded_.edit_number + 1 &&
           frame.previous_link == link_;
  }

  Status apply(const Frame& frame) {
    Result<ManifestEdit> edit = manifest_format::decode_edit(frame.payload);
    if (!edit) return at_offset(offset_, std::move(edit).error());
    if (Status status = apply_edit_in_place(loaded_.state, *edit); !status) {
      return at_offset(offset_, Error{Code::kCorruption, std::move(status).error().message});
    }
    ++loaded_.edit_number;
    ++loaded_.edits;
    if (visit_) visit_(offset_, loaded_.edit_number, *edit);
    return {};
  }

  // False at the end.
  Result<bool> read_edit() {
    if (offset_ >= file_.size()) return false;
    Result<Frame> first = decode_frame(header_.epoch, file_, offset_);
    if (first && first->copy == 0 && follows(*first)) {
      TALLY_TRY(apply(*first));
      accept(*first, first->end + (first->end - offset_));
      return true;
    }
    return read_second_copy();
  }

  // The first copy at offset_ is no good: what is the first good frame behind it?
  Result<bool> read_second_copy() {
    for (uint64_t at = offset_ + kFrameAlignment; at < file_.size(); at += kFrameAlignment) {
      Result<Frame> frame = decode_frame(header_.epoch, file_, at);
      if (!frame) continue;
      if (frame->copy != 1 || !follows(*frame)) {
        return fail(Code::kCorruption, "offset " + std::to_string(offset_) + ": edit " +
                                           std::to_string(loaded_.edit_number + 1) + " is unreadable, and edit " +
                                           std::to_string(frame->edit_number) +
                                           " behind it proves that it was durable");
      }
      TALLY_TRY(apply(*frame));
      ++loaded_.copies_lost;
      accept(*frame, frame->end);
      return true;
    }
    auto rest = file_.subspan(std::min<uint64_t>(offset_, file_.size()));
    if (std::any_of(rest.begin(), rest.end(), [](uint8_t byte) { return byte != 0; })) loaded_.torn_at = offset_;
    return false;
  }

  ByteSpan file_;
  const FileHeader& header_;
  const ManifestEditVisitor& visit_;
  LoadedManifest loaded_;
  uint64_t offset_ = 0;
  uint64_t link_ = 0;
  uint64_t file_bytes_ = 0;
};

Result<Current> read_current(FileSystem& fs, const std::string& path) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_direct(fs, path, kCurrentBytesMax));
  Result<Current> current = manifest_format::decode_current(as_text(bytes));
  if (!current) return std::unexpected(std::move(current).error().with_context(path));
  return current;
}

// P7: a CURRENT from an earlier day, put back, names a manifest that has been replaced; the later one knows more edits. (A
// later manifest that knows no more is what a crash during a rewrite leaves.)
Status check_newest(FileSystem& fs, const TablePaths& paths, const LoadedManifest& loaded, uint64_t other) {
  Result<LoadedManifest> later = read_manifest_file(fs, paths.manifest(other), nullptr);
  if (!later || later->state.table_uuid != loaded.state.table_uuid)
    return {};  // never was in force, or is beyond telling
  if (later->edit_number <= loaded.edit_number) return {};
  return fail(Code::kCorruption, paths.current() + " names " + manifest_name(loaded.number) +
                                     ", which ends with edit " + std::to_string(loaded.edit_number) + ", but " +
                                     manifest_name(other) + " knows edit " + std::to_string(later->edit_number) +
                                     ": an old copy has been put back");
}

}  // namespace

Result<LoadedManifest> decode_manifest(ByteSpan file, const Current* expected, const ManifestEditVisitor& visit) {
  TALLY_ASSIGN_OR_RETURN(FileHeader header, manifest_format::decode_file_header(file));
  if (expected != nullptr && (header.number != expected->number || header.epoch != expected->epoch)) {
    return fail(Code::kCorruption, "offset 16: this is not the file that CURRENT means");
  }
  return Decoder(file, header, visit).run();
}

Result<LoadedManifest> read_manifest_file(FileSystem& fs, const std::string& path, const Current* expected,
                                          const ManifestEditVisitor& visit) {
  TALLY_ASSIGN_OR_RETURN(Bytes bytes, read_direct(fs, path, limits::kManifestBytesMax));
  Result<LoadedManifest> loaded = decode_manifest(bytes, expected, visit);
  if (!loaded) return std::unexpected(std::move(loaded).error().with_context(path));
  return loaded;
}

Result<LoadedManifest> read_current_manifest(FileSystem& fs, const std::string& table_directory) {
  TablePaths paths(table_directory);
  TALLY_ASSIGN_OR_RETURN(Current current, read_current(fs, paths.current()));
  Result<LoadedManifest> loaded = read_manifest_file(fs, paths.manifest(current.number), &current);
  if (!loaded) {
    if (loaded.error().code != Code::kNotFound) return loaded;
    return fail(Code::kCorruption, paths.current() + " names " + paths.manifest(current.number) + ", which is missing");
  }
  loaded->highest_number = loaded->number;
  TALLY_ASSIGN_OR_RETURN(auto names, fs.list(table_directory));
  for (const FileInfo& info : names) {
    ParsedName parsed = parse_file_name(info.name);
    if (parsed.kind != FileKind::kManifest) continue;
    loaded->highest_number = std::max(loaded->highest_number, parsed.number);
    if (!parsed.temporary && parsed.number > loaded->number) {
      TALLY_TRY(check_newest(fs, paths, *loaded, parsed.number));
    }
  }
  return loaded;
}

}  // namespace tally
