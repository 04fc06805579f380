#include "app/measured_store.hpp"

#include <chrono>
#include <functional>
#include <utility>

namespace p2p::app {
namespace {

using blob::BlobError;

const char* name_of(BlobError::Kind kind) {
  switch (kind) {
    case BlobError::Kind::unavailable:
      return "unavailable";
    case BlobError::Kind::refused:
      return "refused";
    case BlobError::Kind::missing:
      break;
  }
  return "missing";
}

class MeasuredStore : public blob::BlobStore {
 public:
  MeasuredStore(std::unique_ptr<blob::BlobStore> store, Metrics& metrics) : store_(std::move(store)), metrics_(metrics) {}

  void put(const std::string& key, std::string_view bytes, std::string_view content_type) override {
    measure("put", [&] { store_->put(key, bytes, content_type); });
  }
  std::string get(const std::string& key) override {
    std::string bytes;
    measure("get", [&] { bytes = store_->get(key); });
    return bytes;
  }
  Part read(const std::string& key, std::size_t offset, std::size_t size) override {
    Part part;
    measure("read", [&] { part = store_->read(key, offset, size); });
    return part;
  }
  void remove(const std::string& key) override {
    measure("remove", [&] { store_->remove(key); });
  }
  std::optional<std::string> link(const std::string& key, Time expires) const override { return store_->link(key, expires); }
  std::chrono::seconds longest_link() const override { return store_->longest_link(); }
  void remove_before(std::chrono::sys_days day) override {
    measure("remove_before", [&] { store_->remove_before(day); });
  }

 private:
  void measure(const char* operation, const std::function<void()>& call) {
    const auto start = std::chrono::steady_clock::now();
    const auto count = [&](const char* result) {
      metrics_.counter("prompt2pic_store_calls_total", "Calls of the picture store.", {{"operation", operation}, {"result", result}}).add();
      metrics_.seconds("prompt2pic_store_seconds", "Time of calls of the picture store.", {{"operation", operation}})
          .observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    };
    try {
      call();
    } catch (const BlobError& error) {
      count(name_of(error.kind()));
      throw;
    }
    count("ok");
  }

  const std::unique_ptr<blob::BlobStore> store_;
  Metrics& metrics_;
};

}  // namespace

std::unique_ptr<blob::BlobStore> measured(std::unique_ptr<blob::BlobStore> store, Metrics& metrics) {
  return std::make_unique<MeasuredStore>(std::move(store), metrics);
}

}  // namespace p2p::app
