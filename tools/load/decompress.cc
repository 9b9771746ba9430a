// The decompressors of byte_source.h. Each is a ByteSource over a ByteSource with a window of input of its own.
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "tools/load/byte_source.h"

namespace tally {

namespace {

constexpr size_t kWindowBytes = 64 * 1024;
constexpr size_t kMagicBytes = 4;

// The stored bytes with a window over them, so that the first bytes can be looked at before a decompressor is chosen.
class Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> stored) : stored_(std::move(stored)), buffer_(kWindowBytes) {}

  // Reads until there are `count` bytes or the source ends.
  Status need(size_t count) {
    while (available() < count) {
      if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, available());
        end_ -= begin_;
        begin_ = 0;
      }
      TALLY_ASSIGN_OR_RETURN(size_t got, stored_->read(MutableByteSpan(buffer_).subspan(end_)));
      if (got == 0) {
        ended_ = true;
        return {};
      }
      end_ += got;
    }
    return {};
  }
  uint8_t* data() { return buffer_.data() + begin_; }
  size_t available() const { return end_ - begin_; }
  void consume(size_t count) { begin_ += count; }
  bool ended() const { return ended_ && available() == 0; }
  const ByteSource& stored() const { return *stored_; }

 private:
  std::unique_ptr<ByteSource> stored_;
  Bytes buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

class WindowSource : public ByteSource {
 public:
  WindowSource(Window window, std::string name) : window_(std::move(window)), name_(std::move(name)) {}
  uint64_t stored_bytes_read() const override { return window_.stored().stored_bytes_read() - window_.available(); }
  std::optional<uint64_t> stored_bytes() const override { return window_.stored().stored_bytes(); }

 protected:
  std::unexpected<Error> damaged(std::string_view format, std::string_view why) const {
    return fail(Code::kCorruption, name_ + ": the " + std::string(format) + " data " + std::string(why) +
                                       " (near byte " + std::to_string(stored_bytes_read()) + " of the file)");
  }
  Window window_;
  std::string name_;
};

class PlainSource : public WindowSource {
 public:
  using WindowSource::WindowSource;
  Result<size_t> read(MutableByteSpan out) override {
    TALLY_TRY(window_.need(1));
    size_t count = std::min(out.size(), window_.available());
    std::memcpy(out.data(), window_.data(), count);
    window_.consume(count);
    return count;
  }
};

class GzipSource : public WindowSource {
 public:
  GzipSource(Window window, std::string name) : WindowSource(std::move(window), std::move(name)) {
    // 16: a gzip header is expected, and nothing else.
    TALLY_CHECK(inflateInit2(&stream_, 15 + 16) == Z_OK);
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  Result<size_t> read(MutableByteSpan out) override {
    size_t produced = 0;
    while (produced == 0) {
      TALLY_TRY(window_.need(1));
      if (window_.available() == 0) {
        if (within_) return damaged("gzip", "ends early");
        return 0;
      }
      if (!within_) TALLY_TRY(next_member());
      if (window_.available() == 0) return 0;
      stream_.next_in = window_.data();
      stream_.avail_in = static_cast<uInt>(window_.available());
      stream_.next_out = out.data();
      stream_.avail_out = static_cast<uInt>(std::min<size_t>(out.size(), 1u << 30));
      uInt room = stream_.avail_out;
      int result = inflate(&stream_, Z_NO_FLUSH);
      window_.consume(window_.available() - stream_.avail_in);
      produced = room - stream_.avail_out;
      if (result == Z_STREAM_END) {
        within_ = false;
      } else if (result != Z_OK) {
        return damaged("gzip", "is damaged");
      }
    }
    return produced;
  }

 private:
  // Members follow each other; zeros behind the last are padding, as gzip itself reads them.
  Status next_member() {
    if (members_ > 0) {
      while (window_.available() > 0 && window_.data()[0] == 0) {
        window_.consume(1);
        if (window_.available() == 0) TALLY_TRY(window_.need(1));
      }
      if (window_.available() == 0) return {};
      TALLY_CHECK(inflateReset(&stream_) == Z_OK);
    }
    ++members_;
    within_ = true;
    return {};
  }

  z_stream stream_{};
  bool within_ = false;
  uint64_t members_ = 0;
};

class ZstdSource : public WindowSource {
 public:
  ZstdSource(Window window, std::string name)
      : WindowSource(std::move(window), std::move(name)), stream_(ZSTD_createDStream(), &ZSTD_freeDStream) {
    TALLY_CHECK(stream_ != nullptr);
    // A frame may ask for a window of gigabytes: no more than `zstd --long` writes.
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, 27);
  }

  Result<size_t> read(MutableByteSpan out) override {
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    while (output.pos == 0) {
      TALLY_TRY(window_.need(1));
      if (window_.available() == 0 && !flushing_) {
        if (within_) return damaged("zstd", "ends early");
        return 0;
      }
      ZSTD_inBuffer input{window_.data(), window_.available(), 0};
      size_t result = ZSTD_decompressStream(stream_.get(), &output, &input);
      if (ZSTD_isError(result)) return damaged("zstd", std::string("is damaged: ") + ZSTD_getErrorName(result));
      window_.consume(input.pos);
      within_ = result != 0;
      flushing_ = within_ && output.pos == output.size;
    }
    return output.pos;
  }

 private:
  std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream_;
  bool within_ = false;
  bool flushing_ = false;  // the decompressor may hold more than `out` could take
};

class Lz4Source : public WindowSource {
 public:
  Lz4Source(Window window, std::string name) : WindowSource(std::move(window), std::move(name)) {
    TALLY_CHECK(!LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)));
  }
  ~Lz4Source() override { LZ4F_freeDecompressionContext(context_); }

  Result<size_t> read(MutableByteSpan out) override {
    size_t produced = 0;
    while (produced == 0) {
      TALLY_TRY(window_.need(1));
      if (window_.available() == 0 && !flushing_) {
        if (within_) return damaged("LZ4", "ends early");
        return 0;
      }
      produced = out.size();
      size_t consumed = window_.available();
      size_t result = LZ4F_decompress(context_, out.data(), &produced, window_.data(), &consumed, nullptr);
      if (LZ4F_isError(result)) return damaged("LZ4", std::string("is damaged: ") + LZ4F_getErrorName(result));
      window_.consume(consumed);
      within_ = result != 0;
      flushing_ = within_ && produced == out.size();
    }
    return produced;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
  bool within_ = false;
  bool flushing_ = false;
};

enum class Format : uint8_t { kPlain, kGzip, kZstd, kLz4 };

Format recognize(const uint8_t* bytes, size_t count) {
  if (count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) return Format::kGzip;
  if (count < kMagicBytes) return Format::kPlain;
  switch (load_le<uint32_t>(bytes)) {
    case 0xFD2FB528: return Format::kZstd;
    case 0x184D2204: return Format::kLz4;
    default: return Format::kPlain;
  }
}

}  // namespace

Result<std::unique_ptr<ByteSource>> decompress(std::unique_ptr<ByteSource> stored, const std::string& name) {
  Window window(std::move(stored));
  TALLY_TRY(window.need(kMagicBytes));
  switch (recognize(window.data(), window.available())) {
    case Format::kGzip: return std::make_unique<GzipSource>(std::move(window), name);
    case Format::kZstd: return std::make_unique<ZstdSource>(std::move(window), name);
    case Format::kLz4: return std::make_unique<Lz4Source>(std::move(window), name);
    case Format::kPlain: break;
  }
  return std::make_unique<PlainSource>(std::move(window), name);
}

}  // namespace tally
