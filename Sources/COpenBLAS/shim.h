// The functions of OpenBLAS that are called, as types: the library is opened when the first of them is needed, and not
// when the process starts.

// CBLAS: row-major is 101, an operand as it is 111, transposed 112.
typedef void (*belfry_sgemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                             const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

// LAPACK. The two last arguments are the lengths of the strings, as Fortran passes them.
typedef void (*belfry_ssyevd)(const char *jobz, const char *uplo, const int *n, float *a, const int *lda, float *w,
                              float *work, const int *lwork, int *iwork, const int *liwork, int *info, unsigned long,
                              unsigned long);

typedef void (*belfry_set_threads)(int threads);
typedef char *(*belfry_core_name)(void);
