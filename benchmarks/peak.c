/* The most fused multiply-adds that one core does: chains that wait for nobody but themselves.

   Nothing can be folded: start, factor and term come from the caller, and every chain ends in the
   sum that is returned. GCC's vector types are wide registers; clang reads them too. */

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif
#if defined(__AVX512F__) || defined(__aarch64__)
#define CHAINS 16 /* of 32 registers; more, and GCC leaves the loop over them a loop */
#else
#define CHAINS 12 /* of 16 registers: latency 4 or 5 on 2 units takes 8 to 10 */
#endif

#define PEAK(NAME, REAL)                                                      \
  typedef REAL NAME##_lanes __attribute__((vector_size(BYTES)));              \
  double NAME(long rounds, REAL start, REAL factor, REAL term) {              \
    NAME##_lanes chain[CHAINS], times, plus;                                  \
    double sum = 0;                                                           \
    times = (NAME##_lanes){0} + factor;                                       \
    plus = (NAME##_lanes){0} + term;                                          \
    for (int i = 0; i < CHAINS; i++) chain[i] = (NAME##_lanes){0} + start;    \
    for (long n = 0; n < rounds; n++)                                         \
      for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * times + plus;    \
    for (int i = 0; i < CHAINS; i++)                                          \
      for (unsigned j = 0; j < BYTES / sizeof(REAL); j++) sum += chain[i][j]; \
    return sum;                                                               \
  }                                                                           \
  long NAME##_numbers(void) { return CHAINS * (BYTES / sizeof(REAL)); }

PEAK(float32, float)
PEAK(float64, double)
