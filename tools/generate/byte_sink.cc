#include "tools/generate/byte_sink.h"

#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <cstdio>

#include "base/file_names.h"

namespace tally {

namespace {

class FileSink : public ByteSink {
 public:
  FileSink(FileSystem& fs, std::unique_ptr<File> file) : fs_(fs), file_(std::move(file)) {}
  Status write(std::string_view bytes) override {
    TALLY_TRY(file_->write_at(size_, as_bytes(bytes)));
    size_ += bytes.size();
    return {};
  }
  Status close() override {
    TALLY_TRY(file_->sync());
    return fs_.sync_directory(parent_path(file_->path()));
  }

 private:
  FileSystem& fs_;
  std::unique_ptr<File> file_;
  uint64_t size_ = 0;
};

class StandardOutput : public ByteSink {
 public:
  Status write(std::string_view bytes) override {
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size()) return failed();
    return {};
  }
  Status close() override { return std::fflush(stdout) == 0 ? Status{} : failed(); }

 private:
  static Status failed() { return fail(Code::kIoError, "cannot write to stdout"); }
};

class GzipSink : public ByteSink {
 public:
  explicit GzipSink(std::unique_ptr<ByteSink> below) : below_(std::move(below)) {
    TALLY_CHECK(deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  }
  ~GzipSink() override { deflateEnd(&stream_); }
  Status write(std::string_view bytes) override { return pump(bytes, Z_NO_FLUSH); }
  Status close() override {
    TALLY_TRY(pump({}, Z_FINISH));
    return below_->close();
  }

 private:
  Status pump(std::string_view bytes, int flush) {
    std::string in(bytes);  // zlib wants it writable
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    char out[64 * 1024];
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = sizeof out;
      TALLY_CHECK(deflate(&stream_, flush) != Z_STREAM_ERROR);
      TALLY_TRY(below_->write({out, sizeof out - stream_.avail_out}));
    } while (stream_.avail_out == 0);
    return {};
  }

  std::unique_ptr<ByteSink> below_;
  z_stream stream_{};
};

class ZstdSink : public ByteSink {
 public:
  explicit ZstdSink(std::unique_ptr<ByteSink> below)
      : below_(std::move(below)), context_(ZSTD_createCCtx(), &ZSTD_freeCCtx), out_(ZSTD_CStreamOutSize()) {
    TALLY_CHECK(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  Status write(std::string_view bytes) override { return pump(bytes, ZSTD_e_continue); }
  Status close() override {
    TALLY_TRY(pump({}, ZSTD_e_end));
    return below_->close();
  }

 private:
  Status pump(std::string_view bytes, ZSTD_EndDirective mode) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    size_t left = 1;
    while (in.pos < in.size || (mode == ZSTD_e_end && left > 0)) {
      ZSTD_outBuffer out{out_.data(), out_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &out, &in, mode);
      TALLY_CHECK(!ZSTD_isError(left));
      TALLY_TRY(below_->write({out_.data(), out.pos}));
    }
    return {};
  }

  std::unique_ptr<ByteSink> below_;
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
  std::vector<char> out_;
};

class Lz4Sink : public ByteSink {
 public:
  explicit Lz4Sink(std::unique_ptr<ByteSink> below) : below_(std::move(below)) {
    TALLY_CHECK(!LZ4F_isError(LZ4F_createCompressionContext(&context_, LZ4F_VERSION)));
    preferences_.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  }
  ~Lz4Sink() override { LZ4F_freeCompressionContext(context_); }
  Status write(std::string_view bytes) override {
    TALLY_TRY(begin());
    out_.resize(LZ4F_compressBound(bytes.size(), &preferences_));
    return emit(LZ4F_compressUpdate(context_, out_.data(), out_.size(), bytes.data(), bytes.size(), nullptr));
  }
  Status close() override {
    TALLY_TRY(begin());
    out_.resize(LZ4F_compressBound(0, &preferences_));
    TALLY_TRY(emit(LZ4F_compressEnd(context_, out_.data(), out_.size(), nullptr)));
    return below_->close();
  }

 private:
  Status begin() {
    if (begun_) return {};
    begun_ = true;
    out_.resize(LZ4F_HEADER_SIZE_MAX);
    return emit(LZ4F_compressBegin(context_, out_.data(), out_.size(), &preferences_));
  }
  Status emit(size_t size) {
    TALLY_CHECK(!LZ4F_isError(size));
    return below_->write({out_.data(), size});
  }

  std::unique_ptr<ByteSink> below_;
  LZ4F_cctx* context_ = nullptr;
  LZ4F_preferences_t preferences_{};
  std::vector<char> out_;
  bool begun_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSink>> open_byte_sink(FileSystem& fs, const std::string& path) {
  if (path == "-") return std::make_unique<StandardOutput>();
  bool there = fs.info(path).has_value();
  TALLY_ASSIGN_OR_RETURN(auto file, fs.open(path, there ? OpenMode::kReadWrite : OpenMode::kCreate));
  if (there) TALLY_TRY(file->truncate(0));
  std::unique_ptr<ByteSink> sink = std::make_unique<FileSink>(fs, std::move(file));
  if (path.ends_with(".gz")) return std::make_unique<GzipSink>(std::move(sink));
  if (path.ends_with(".zst") || path.ends_with(".zstd")) return std::make_unique<ZstdSink>(std::move(sink));
  if (path.ends_with(".lz4")) return std::make_unique<Lz4Sink>(std::move(sink));
  return sink;
}

}  // namespace tally
