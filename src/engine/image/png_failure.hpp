#pragma once

#include <png.h>

#include <csetjmp>
#include <cstring>

namespace p2p::engine {

/// State of libpng's error callbacks, passed as the error pointer. Nothing here may throw through its C frames.
struct PngFailure {
  char message[128] = "unknown error";

  /// Keeps the message and jumps to png_jmpbuf().
  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    auto& failure = *static_cast<PngFailure*>(png_get_error_ptr(png));
    std::strncpy(failure.message, message, sizeof failure.message - 1);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}
};

}  // namespace p2p::engine
