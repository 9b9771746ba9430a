#include "engine/retraction_format.h"

#include <algorithm>
#include <map>

#include "base/checksum.h"
#include "base/limits.h"
#include "engine/batch_format.h"

namespace tally::retraction_format {

namespace {

constexpr std::string_view kWhat = "a retraction file";
constexpr size_t kRetractionBytesMin = 16 + 4 + 4 + 12 + 24 + 3;

std::unexpected<Error> corrupt(std::string what) { return fail(Code::kCorruption, std::move(what)); }

void put_retraction(const Retraction& retraction, uint32_t request, ByteWriter& out) {
  out.u64(retraction.key.lo);
  out.u64(retraction.key.hi);
  out.u8(static_cast<uint8_t>(retraction.state));
  out.u8(retraction.remembered ? 1 : 0);
  out.u8(static_cast<uint8_t>(retraction.id_kind));
  out.u8(0);
  out.u32(request);
  out.u32(retraction.lateness_class);
  out.i64(retraction.generation);
  out.u64(retraction.original_lsn);
  out.u64(retraction.settled_lsn);
  out.i64(retraction.settled_us);
  if (retraction.id_kind != IdKind::kText) return out.bytes(retraction.raw);
  out.u16(static_cast<uint16_t>(retraction.text.size()));
  out.bytes(as_bytes(retraction.text));
}

Bytes encode_body(const std::vector<Retraction>& retractions, uint32_t& request_count) {
  std::map<Lsn, std::pair<const RetractionRequest*, uint32_t>> requests;
  for (const Retraction& retraction : retractions) requests[retraction.request->lsn] = {retraction.request.get(), 0};
  Bytes body;
  ByteWriter out(body);
  uint32_t position = 0;
  for (auto& [lsn, request] : requests) {
    request.second = position++;
    out.u64(lsn);
    out.i64(request.first->arrival_us);
    out.string(request.first->by);
    out.string(request.first->reason);
  }
  request_count = position;
  for (const Retraction& retraction : retractions) {
    put_retraction(retraction, requests[retraction.request->lsn].second, out);
  }
  return body;
}

void put_part(ByteSpan part, uint64_t seed, ByteWriter& out) {
  const Bytes deflated = deflate_body(part);
  const ByteSpan stored = deflated.empty() ? part : ByteSpan(deflated);
  out.u32(static_cast<uint32_t>(part.size()));
  out.u32(static_cast<uint32_t>(stored.size()));
  out.u64(xxh3(stored, seed));
  out.bytes(stored);
}

struct Header {
  Contents contents;
  uint32_t requests = 0;
  uint32_t retractions = 0;
};

Result<Header> decode_header(ByteSpan bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt("the header is cut off");
  const uint8_t* at = bytes.data();
  if (as_text(bytes.first(kMagic.size())) != kMagic) return corrupt("this is no retraction file (no magic)");
  if (load_le<uint64_t>(at + 56) != xxh3(bytes.first(56))) return corrupt("the sum of the header does not match");
  if (load_le<uint16_t>(at + 10) > kReaderVersion) {
    return fail(Code::kUnsupported,
                "it was written by a newer Tally (format version " + std::to_string(load_le<uint16_t>(at + 8)) + ")");
  }
  if (load_le<uint16_t>(at + 8) < 1 || load_le<uint16_t>(at + 10) < 1 || load_le<uint32_t>(at + 12) != 0) {
    return corrupt("a version of 0 or a reserved byte that is set");
  }
  if (load_le<uint64_t>(at + 40) != bytes.size()) {
    return corrupt("the file has " + std::to_string(bytes.size()) + " bytes and was written with " +
                   std::to_string(load_le<uint64_t>(at + 40)));
  }
  Header header;
  std::copy_n(at + 16, 16, header.contents.uuid.begin());
  header.contents.number = load_le<uint64_t>(at + 32);
  header.requests = load_le<uint32_t>(at + 48);
  header.retractions = load_le<uint32_t>(at + 52);
  return header;
}

Result<Bytes> join_parts(ByteSpan bytes) {
  const uint64_t seed = xxh3(bytes.first(kHeaderBytes));
  ByteReader in(bytes.subspan(kHeaderBytes));
  Bytes body;
  while (!in.at_end()) {
    const size_t at = kHeaderBytes + in.offset();
    TALLY_ASSIGN_OR_RETURN(uint32_t inflated, in.u32(kWhat));
    TALLY_ASSIGN_OR_RETURN(uint32_t stored_size, in.u32(kWhat));
    TALLY_ASSIGN_OR_RETURN(uint64_t sum, in.u64(kWhat));
    TALLY_ASSIGN_OR_RETURN(ByteSpan stored, in.bytes(stored_size, kWhat));
    if (xxh3(stored, seed) != sum)
      return corrupt("offset " + std::to_string(at) + ": the sum of a part does not match");
    if (inflated == 0 || inflated > kPartBytes || stored_size > inflated) {
      return corrupt("offset " + std::to_string(at) + ": a part of " + std::to_string(inflated) + " bytes");
    }
    if (stored_size == inflated) {
      body.insert(body.end(), stored.begin(), stored.end());
      continue;
    }
    Result<Bytes> part = inflate_body(stored, inflated);
    if (!part) return corrupt("offset " + std::to_string(at) + ": " + part.error().message);
    body.insert(body.end(), part->begin(), part->end());
  }
  return body;
}

using Requests = std::vector<std::shared_ptr<const RetractionRequest>>;

Result<Requests> read_requests(ByteReader& in, uint32_t count) {
  Requests requests;
  for (uint32_t i = 0; i < count; ++i) {
    auto request = std::make_shared<RetractionRequest>();
    TALLY_ASSIGN_OR_RETURN(request->lsn, in.u64(kWhat));
    TALLY_ASSIGN_OR_RETURN(request->arrival_us, in.i64(kWhat));
    TALLY_ASSIGN_OR_RETURN(request->by, in.string(limits::kRetractionTextBytesMax, kWhat));
    TALLY_ASSIGN_OR_RETURN(request->reason, in.string(limits::kRetractionTextBytesMax, kWhat));
    if (request->lsn == 0 || (!requests.empty() && requests.back()->lsn >= request->lsn)) {
      return corrupt("requests out of order");
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

Status read_id(ByteReader& in, Retraction& retraction) {
  if (retraction.id_kind != IdKind::kText) {
    TALLY_ASSIGN_OR_RETURN(ByteSpan raw, in.bytes(retraction.raw.size(), kWhat));
    std::copy(raw.begin(), raw.end(), retraction.raw.begin());
    return {};
  }
  TALLY_ASSIGN_OR_RETURN(uint16_t length, in.u16(kWhat));
  if (length == 0) return corrupt("an empty id");
  TALLY_ASSIGN_OR_RETURN(ByteSpan text, in.bytes(length, kWhat));
  retraction.text = as_text(text);
  return {};
}

// What the state says of the LSNs beside it.
bool consistent(const Retraction& retraction) {
  const bool waits = retraction.state == RetractionState::kWaiting;
  const bool retracted = retraction.state == RetractionState::kRetracted;
  if (waits) return retraction.settled_lsn == 0 && retraction.original_lsn == 0 && retraction.settled_us == 0;
  if (retraction.settled_lsn <= retraction.request->lsn) return false;
  return retracted ? retraction.original_lsn > 0 && retraction.original_lsn <= retraction.settled_lsn
                   : retraction.original_lsn == 0;
}

Result<Retraction> read_retraction(ByteReader& in, const Requests& requests) {
  Retraction retraction;
  TALLY_ASSIGN_OR_RETURN(retraction.key.lo, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(retraction.key.hi, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint8_t state, in.u8(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint8_t remembered, in.u8(kWhat));
  TALLY_ASSIGN_OR_RETURN(uint8_t kind, in.u8(kWhat));
  TALLY_TRY(in.expect_zero(1, kWhat));
  TALLY_ASSIGN_OR_RETURN(uint32_t request, in.u32(kWhat));
  if (state >= kRetractionStates || remembered > 1 || kind > static_cast<uint8_t>(IdKind::kDerived) ||
      request >= requests.size()) {
    return corrupt("a retraction with a state, kind or request that does not exist");
  }
  retraction.state = static_cast<RetractionState>(state);
  retraction.remembered = remembered != 0;
  retraction.id_kind = static_cast<IdKind>(kind);
  retraction.request = requests[request];
  TALLY_ASSIGN_OR_RETURN(retraction.lateness_class, in.u32(kWhat));
  TALLY_ASSIGN_OR_RETURN(retraction.generation, in.i64(kWhat));
  TALLY_ASSIGN_OR_RETURN(retraction.original_lsn, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(retraction.settled_lsn, in.u64(kWhat));
  TALLY_ASSIGN_OR_RETURN(retraction.settled_us, in.i64(kWhat));
  TALLY_TRY(read_id(in, retraction));
  if (!consistent(retraction)) return corrupt("a retraction whose LSNs contradict its state");
  return retraction;
}

}  // namespace

Bytes encode(const FileUuid& uuid, uint64_t number, const std::vector<Retraction>& retractions) {
  uint32_t requests = 0;
  const Bytes body = encode_body(retractions, requests);
  Bytes bytes;
  ByteWriter out(bytes);
  auto put_header = [&](uint64_t size) {
    bytes.clear();
    out.bytes(as_bytes(kMagic));
    out.u16(kFormatVersion);
    out.u16(kReaderVersion);
    out.u32(0);
    out.bytes(uuid);
    out.u64(number);
    out.u64(size);
    out.u32(requests);
    out.u32(static_cast<uint32_t>(retractions.size()));
    out.u64(xxh3(bytes));
  };
  // The parts are summed over the header, and the header has the size: their lengths do not depend on their sums.
  auto put_parts = [&] {
    const uint64_t seed = xxh3(bytes);
    for (size_t at = 0; at < body.size(); at += kPartBytes) {
      put_part(ByteSpan(body).subspan(at, std::min<size_t>(kPartBytes, body.size() - at)), seed, out);
    }
  };
  put_header(0);
  put_parts();
  put_header(bytes.size());
  put_parts();
  return bytes;
}

Result<Contents> decode(ByteSpan bytes) {
  TALLY_ASSIGN_OR_RETURN(Header header, decode_header(bytes));
  TALLY_ASSIGN_OR_RETURN(Bytes body, join_parts(bytes));
  if (header.retractions > body.size() / kRetractionBytesMin) return corrupt("more retractions than bytes for them");
  ByteReader in(body);
  TALLY_ASSIGN_OR_RETURN(Requests requests, read_requests(in, header.requests));
  std::vector<Retraction>& retractions = header.contents.retractions;
  retractions.reserve(header.retractions);
  for (uint32_t i = 0; i < header.retractions; ++i) {
    TALLY_ASSIGN_OR_RETURN(Retraction next, read_retraction(in, requests));
    if (!retractions.empty() && !(retractions.back().key < next.key)) return corrupt("retractions out of order");
    retractions.push_back(std::move(next));
  }
  TALLY_TRY(in.expect_end(kWhat));
  return std::move(header.contents);
}

}  // namespace tally::retraction_format
