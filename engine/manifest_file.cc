#include "engine/manifest_file.h"

#include "base/limits.h"
#include "base/random.h"

namespace tally {

namespace {

using manifest_format::Frame;
using manifest_format::FrameKind;
using manifest_format::kGrowBytes;

uint64_t grown(uint64_t bytes) { return (bytes + kGrowBytes - 1) / kGrowBytes * kGrowBytes; }

uint64_t edit_bytes(uint64_t payload_bytes) {
  return 2 * manifest_format::align_frame(manifest_format::kFrameHeaderBytes + payload_bytes);
}

Status write_and_sync(FileSystem& fs, const std::string& path, ByteSpan bytes, uint64_t file_bytes) {
  TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path, OpenMode::kCreate));
  TALLY_TRY(file->preallocate(file_bytes));
  TALLY_TRY(file->write_at(0, bytes));
  return file->sync();
}

Status create_and_name(FileSystem& fs, const TablePaths& paths, uint64_t number, ByteSpan bytes, uint64_t file_bytes) {
  std::string path = paths.manifest(number);
  TALLY_TRY(write_and_sync(fs, temporary_path(path), bytes, file_bytes));
  TALLY_TRY(fs.rename(temporary_path(path), path));
  return fs.sync_directory(paths.directory());
}

}  // namespace

Result<std::unique_ptr<ManifestFile>> ManifestFile::create(FileSystem& fs, const TablePaths& paths, uint64_t number,
                                                           const ManifestState& state, uint64_t edit_number) {
  std::unique_ptr<ManifestFile> manifest(new ManifestFile);
  manifest->number_ = number;
  manifest->epoch_ = random_uuid();
  Bytes payload;
  ByteWriter fields(payload);
  manifest_format::encode_state(state, fields);
  uint64_t snapshot_end = manifest_format::align_frame(manifest_format::kFileHeaderBytes +
                                                       manifest_format::kFrameHeaderBytes + payload.size());
  manifest->file_bytes_ = grown(snapshot_end + 1);  // always with room for an edit behind it
  if (manifest->file_bytes_ > limits::kManifestBytesMax) {
    return fail(Code::kLimitExceeded, "a manifest of " + std::to_string(payload.size()) + " bytes is above the limit");
  }
  Bytes bytes;
  ByteWriter out(bytes);
  manifest_format::encode_file_header({.epoch = manifest->epoch_, .table_uuid = state.table_uuid, .number = number},
                                      out);
  Frame frame{.kind = FrameKind::kSnapshot,
              .edit_number = edit_number,
              .file_bytes = manifest->file_bytes_,
              .previous_link = manifest_format::epoch_root(manifest->epoch_),
              .payload = payload};
  manifest_format::encode_frame(manifest->epoch_, frame, out);
  manifest->link_ = frame.link;
  manifest->base_ = manifest->end_ = bytes.size();
  if (Status made = create_and_name(fs, paths, number, bytes, manifest->file_bytes_); !made) {
    (void)fs.unlink(temporary_path(paths.manifest(number)));  // as far as possible; the next start removes it
    return std::unexpected(std::move(made).error());
  }
  TALLY_ASSIGN_OR_RETURN(manifest->file_, fs.open(paths.manifest(number), OpenMode::kReadWrite));
  return manifest;
}

Status ManifestFile::reserve(uint64_t payload_bytes) {
  uint64_t wanted = grown(end_ + edit_bytes(payload_bytes));
  if (wanted <= file_bytes_) return {};
  if (wanted > limits::kManifestBytesMax) {
    return fail(Code::kLimitExceeded, file_->path() + ": an edit of " + std::to_string(payload_bytes) +
                                          " bytes would take the manifest above its limit");
  }
  TALLY_TRY(file_->preallocate(wanted));
  // Synced before a frame that speaks of this size is written, so that a frame never knows of a size that was not durable.
  // A sync that fails is never tried again, for lack of space neither (W20): the next one would succeed without this size.
  if (Status synced = file_->sync(); !synced) {
    if (synced.error().code == Code::kNoSpace) synced.error().code = Code::kIndeterminate;
    return synced;
  }
  file_bytes_ = wanted;
  return {};
}

Status ManifestFile::append(uint64_t edit_number, ByteSpan payload) {
  Frame frame{.kind = FrameKind::kEdit,
              .edit_number = edit_number,
              .file_bytes = file_bytes_,
              .previous_link = link_,
              .payload = payload};
  Bytes bytes;
  ByteWriter out(bytes);
  for (uint8_t copy : {uint8_t{0}, uint8_t{1}}) {
    frame.copy = copy;
    manifest_format::encode_frame(epoch_, frame, out);
  }
  TALLY_TRY(file_->write_at(end_, bytes));
  TALLY_TRY(file_->sync_data());
  link_ = frame.link;
  end_ += bytes.size();
  return {};
}

}  // namespace tally
