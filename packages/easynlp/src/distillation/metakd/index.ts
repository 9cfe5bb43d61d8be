export { metakd } from './pipeline.js';
export { metakdStudent } from './student.js';
export { metakdTeacher } from './teacher.js';
