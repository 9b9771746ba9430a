#include "wal/group_pipeline.h"

#include <algorithm>

namespace tally {
namespace {

constexpr size_t kBufferKeptMax = 8 * limits::kMiB;  // a rare giant must not hold its memory for ever

std::unexpected<Error> io_failure(const File& file, std::string_view what) {
  return fail(Code::kIoError, file.path() + ": " + std::string(what));
}

}  // namespace

MutableByteSpan GroupPipeline::buffer(size_t bytes) {
  TALLY_CHECK(!full() && bytes % limits::kLogAlignment == 0);
  Slot& next = slot(count_);
  if (next.capacity < bytes) {
    next.capacity = std::max(bytes, next.capacity * 2);
    next.bytes.reset(static_cast<uint8_t*>(std::aligned_alloc(limits::kLogAlignment, next.capacity)));
    TALLY_CHECK(next.bytes != nullptr);
  }
  next.size = bytes;
  return {next.bytes.get(), bytes};
}

Status GroupPipeline::submit(File& file, uint64_t offset, Lsn last_lsn) {
  TALLY_CHECK(!full() && !failed_);
  Slot& next = slot(count_);
  next.file = &file;
  next.offset = offset;
  next.last_lsn = last_lsn;
  next.written = 0;
  next.tag = next_tag_++;
  next.state = State::kWriting;
  ++count_;
  stats_.groups += 1;
  stats_.bytes_written += next.size;
  return submit_rest(next);
}

Status GroupPipeline::submit_rest(Slot& slot) {
  ByteSpan rest{slot.bytes.get() + slot.written, slot.size - slot.written};
  Status submitted = queue_->submit_write(*slot.file, slot.offset + slot.written, rest, slot.tag);
  failed_ |= !submitted;
  return submitted;
}

Status GroupPipeline::poll(bool wait) {
  TALLY_CHECK(!failed_);
  completions_.clear();
  Status status = queue_->reap(wait && count_ > 0, completions_);
  for (size_t i = 0; status && i < completions_.size(); ++i) status = complete(completions_[i]);
  if (status) status = start_sync();
  failed_ |= !status;
  return status;
}

Status GroupPipeline::drain() {
  while (count_ > 0) TALLY_TRY(poll(true));
  return {};
}

// One sync at a time, as soon as it would move durable_lsn(); it takes every group along that is written by now.
Status GroupPipeline::start_sync() {
  if (sync_tag_ != 0 || count_ == 0 || slot(0).state != State::kWritten) return {};
  for (size_t i = 0; i < count_; ++i) {
    if (slot(i).state == State::kWritten) slot(i).state = State::kSyncing;
  }
  sync_tag_ = next_tag_++;
  sync_started_us_ = clock_.boottime_us();
  return queue_->submit_sync_data(*slot(0).file, sync_tag_);
}

Status GroupPipeline::complete(const IoQueue::Completion& completion) {
  if (completion.tag == sync_tag_ && sync_tag_ != 0) return complete_sync(completion);
  return complete_write(completion);
}

Status GroupPipeline::complete_write(const IoQueue::Completion& completion) {
  for (size_t i = 0; i < count_; ++i) {
    Slot& written = slot(i);
    if (written.tag != completion.tag || written.state != State::kWriting) continue;
    if (!completion.status) return completion.status;
    if (completion.bytes == 0 || completion.bytes > written.size - written.written) {
      return io_failure(*written.file, "a write reported " + std::to_string(completion.bytes) + " bytes");
    }
    written.written += completion.bytes;
    if (written.written < written.size) return submit_rest(written);
    written.state = State::kWritten;
    return {};
  }
  return fail(Code::kInternal, "a completion came back that belongs to no request");
}

Status GroupPipeline::complete_sync(const IoQueue::Completion& completion) {
  sync_tag_ = 0;
  if (!completion.status) return completion.status;
  TimeUs took = clock_.boottime_us() - sync_started_us_;
  stats_.syncs += 1;
  stats_.slowest_sync_us = std::max(stats_.slowest_sync_us, took);
  if (took > limits::kLogSlowSyncUs) stats_.slow_syncs += 1;
  for (size_t i = 0; i < count_; ++i) {
    if (slot(i).state == State::kSyncing) slot(i).state = State::kSynced;
  }
  retire_synced();
  return {};
}

void GroupPipeline::retire_synced() {
  while (count_ > 0 && slot(0).state == State::kSynced) {
    TALLY_CHECK(slot(0).last_lsn > durable_lsn());
    durable_lsn_.store(slot(0).last_lsn, std::memory_order_release);
    trim(slot(0));
    first_ = (first_ + 1) % slots_.size();
    --count_;
  }
}

void GroupPipeline::trim(Slot& slot) {
  if (slot.capacity <= kBufferKeptMax) return;
  slot.bytes.reset();
  slot.capacity = 0;
}

}  // namespace tally
