// What CUDA's runtime asks a driver first. This one knows of no device.
extern "C" {

int cuInit(unsigned) {
  constexpr int kNoDevice = 100;
  return kNoDevice;
}

int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}

}  // extern "C"
