#include "server/ingest_service.h"

#include <thread>
#include <vector>

#include "base/checksum.h"
#include "base/this_thread.h"
#include "engine/work_queue.h"

namespace tally {
namespace {

void run(IngestJob job) {
  if (auto good = check_data(job.header, job.payload); !good) return job.done(std::unexpected(good.error()));
  IngestBatch batch;
  // With XXH3 the client's own sum goes into the log; else it is made here, over bytes that its CRC has just vouched for.
  const bool own_sum = job.header.checksum == WireChecksum::kXxh3 && !job.payload.empty();
  batch.payload_xxh3 = own_sum ? job.header.data_sum : xxh3(job.payload);
  batch.payload = std::move(job.payload);
  batch.replay = job.notes.replay;
  batch.source = std::move(job.notes.source);
  batch.source_rows = std::move(job.notes.source_rows);
  batch.rejected = std::move(job.notes.rejected);
  job.table->ingest_async(std::move(batch), [done = std::move(job.done)](Result<BatchResult> result) {
    if (result) return done(*std::move(result));
    done(std::unexpected(to_wire(result.error(), WireStatus::kInvalidBatch)));
  });
}

}  // namespace

struct IngestService::Impl {
  WorkQueue<IngestJob> queue;
  std::vector<std::thread> threads;
};

IngestService::IngestService(size_t workers) : impl_(std::make_unique<Impl>()) {
  for (size_t i = 0; i < workers; ++i) {
    impl_->threads.emplace_back([this] {
      name_this_thread("prepare");
      while (auto job = impl_->queue.pop()) run(*std::move(job));
    });
  }
}

IngestService::~IngestService() { stop(); }

void IngestService::submit(IngestJob job) { impl_->queue.push(std::move(job)); }

void IngestService::stop() {
  impl_->queue.close();
  for (std::thread& thread : impl_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace tally
