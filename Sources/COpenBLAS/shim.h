#include <cblas.h>

// LAPACK, which OpenBLAS holds but declares in another package's header. The two last arguments are the lengths of the
// strings, as Fortran passes them.
void ssyevd_(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w, float *work,
             const int *lwork, int *iwork, const int *liwork, int *info, unsigned long, unsigned long);
