export { type LoadReport, Module } from './module.js';
export { Parameter } from './parameter.js';
