#include "platform/hub/digest.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/error.hpp"

namespace p2p::hub {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

void check(int result) {
  if (result != 1) throw Error("OpenSSL cannot compute a hash");
}

}  // namespace

struct Digest::State {
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context{EVP_MD_CTX_new()};
};

Digest::Digest(const RemoteFile& file) : expected_(file.sha256.empty() ? file.git_blob : file.sha256), state_(std::make_unique<State>()) {
  const bool is_blob = file.sha256.empty();
  check(EVP_DigestInit_ex(state_->context.get(), is_blob ? EVP_sha1() : EVP_sha256(), nullptr));
  if (is_blob) add("blob " + std::to_string(file.size) + std::string(1, '\0'));  // the header that git hashes before the content of a blob
}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

void Digest::add(std::string_view bytes) { check(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size())); }

std::string Digest::finish() {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  check(EVP_DigestFinal_ex(state_->context.get(), bytes.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += {kHex[bytes[i] >> 4u], kHex[bytes[i] & 15u]};
  return text;
}

}  // namespace p2p::hub
